"""Which modules a rule's script imports: Snakemake does not see an edit of one, but as inputs they are compared."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_IMPORT = re.compile(r"^\s*(?:from ([\w.]+) import (\([^)]*\)|.+)|import (.+))", re.MULTILINE)  # as ruff formats them


def modules(scripts: Path, rule: str) -> list[str]:
    """A rule's script and every module beside it that it imports, directly or not, but for empty ones."""
    found, waiting = set(), [scripts / f"{rule}.py"]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += imported(scripts, path)
    return sorted(str(path) for path in found if path.stat().st_size)


@cache
def imported(scripts: Path, path: Path) -> list[Path]:
    """The files below ``scripts`` that one file imports itself, with the packages that they are in."""
    files = []
    for module, names, plain in _IMPORT.findall(path.read_text(encoding="utf-8")):
        words = [name.split()[0] for name in re.sub(r"#.*|[()]", "", names or plain).split(",") if name.strip()]
        for name in [module, *(f"{module}.{word}" for word in words)] if module else words:
            place = scripts
            for part in name.split("."):
                place /= part
                files += [file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()]
    return files
