"""File names as people type them and as disks hold them."""

from __future__ import annotations

import unicodedata
from pathlib import Path


def composed(text: str) -> str:
    """A text with each accented letter as one character (Unicode NFC): a Mac may write ê as e and an accent.

    Examples
    --------
    >>> composed("te\\u0302te.png") == "t\\u00eate.png"
    True
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def on_disk(path: Path) -> Path:
    """The file or folder of that name, however its accents are spelt there; the path itself where there is none."""
    if str(path).isascii() or path.exists():
        return path
    folder = on_disk(path.parent)
    wanted = composed(path.name)
    entries = folder.iterdir() if folder.is_dir() else ()
    return next((entry for entry in entries if composed(entry.name) == wanted), folder / path.name)
