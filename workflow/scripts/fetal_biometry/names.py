"""File names as people type them and as disks hold them."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from urllib.parse import quote

from fetal_biometry.digests import digest

_LONGEST = 200  # bytes; file systems take 255 with ending and all


def composed(text: str) -> str:
    """A text with each accented letter as one character (Unicode NFC): a Mac may write ê as e and an accent.

    Examples
    --------
    >>> composed("te\\u0302te.png") == "t\\u00eate.png"
    True
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def as_file_name(image_name: str, safe: str = " ") -> str:
    """An image's name without separators, quoted but for ``safe``; the end of a very long one becomes a digest.

    Examples
    --------
    >>> as_file_name("sub/a.png")
    'sub%2Fa.png'
    """
    quoted = quote(image_name, safe=safe)
    return quoted if len(quoted) <= _LONGEST else f"{quoted[: _LONGEST - 17]}~{digest(image_name)}"


def on_disk(path: Path) -> Path:
    """The file or folder of that name, however its accents are spelt there; the path itself where there is none."""
    if str(path).isascii() or path.exists():
        return path
    folder = on_disk(path.parent)
    wanted = composed(path.name)
    entries = folder.iterdir() if folder.is_dir() else ()
    return next((entry for entry in entries if composed(entry.name) == wanted), folder / path.name)
