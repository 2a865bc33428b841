"""The names that a registry holds, for code that runs while Snakemake reads the rules."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path


@cache
def registered(module: str, registry: str) -> tuple[str, ...]:
    """The keys of a dict that a module of this package defines, such as ``measure.growth`` and ``CHARTS``.

    The module is read and not imported: its entries need numpy and pandas, which a plan must not need.

    Raises
    ------
    LookupError
        When the module defines no such dict.

    Examples
    --------
    >>> "who" in registered("measure.growth", "CHARTS")
    True
    """
    place = Path(__file__).parent / module.replace(".", "/")
    path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == registry:
            return tuple(ast.literal_eval(key) for key in node.value.keys)
    raise LookupError(f"{path} defines no dict {registry}")
