"""What a file or a value is, in one short string, so that the plan can tell what changed."""

import hashlib
import json
import os
import re
from pathlib import Path

from fetal_biometry.errors import InputError
from fetal_biometry.job import atomic_path


def digest(*parts) -> str:
    """Digest of plain values (numbers, strings, lists, dicts), 16 hexadecimal digits."""
    text = json.dumps(parts, sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def sha256_of(path) -> str:
    """sha256 of a file's content, 64 hexadecimal digits."""
    with open(path, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def check_model(path) -> None:
    """Refuse a model that is missing, or that lies beside a card, ``NAME.md`` or ``model_card.md``, of another file."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: the model does not exist; give --config model=PATH/model.onnx of a run.")
    for card in (path.with_suffix(".md"), path.with_name("model_card.md")):
        told = re.search("sha256 `([0-9a-f]{64})`", card.read_text(encoding="utf-8")) if card.is_file() else None
        if told and told[1] != sha256_of(path):
            raise InputError(
                f"{path}: not the model that {card} describes (its sha256 differs); take both from one run, or "
                "remove the card."
            )


class FileIndex:
    """sha256 of files, remembered by path, size and modification time.

    A file is read again only when its size or time changed, so 100,000 unchanged images cost one look at
    each. A file touched without a change keeps its digest: nothing downstream reruns.
    """

    def __init__(self, path):
        self.path = Path(path)
        try:
            known = dict(json.loads(self.path.read_text()))
            self._known = {file: facts for file, facts in known.items() if len(list(facts)) == 3}
        except (FileNotFoundError, ValueError, TypeError):  # damaged: the files are read once more
            self._known = {}
        self._changed = False

    def sha256(self, file) -> str:
        """Digest of a file's content, in full."""
        file = os.path.abspath(file)
        state = os.stat(file)
        stamp = [state.st_size, state.st_mtime_ns]
        known = self._known.get(file)
        if known is None or known[:2] != stamp:
            known = [*stamp, sha256_of(file)]
            self._known[file] = known
            self._changed = True
        return known[2]

    def save(self) -> None:
        """Write the index down if anything in it is new."""
        if self._changed:
            with atomic_path(self.path, writer=str(os.getpid())) as temporary:
                temporary.write_text(json.dumps(self._known))
            self._changed = False
