"""What the header of a picture says, for plans, which need neither numpy nor OpenCV."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

_ORIENTATION, _FIRST_TURNED = 274, 5  # the EXIF tag; from this value on rows are columns


def upright_size(opened: Image.Image) -> tuple[int, int]:
    """``(width, height)`` in pixels of an opened picture as viewers show it, turned as its EXIF orientation says."""
    exif = Image.Exif()
    exif.load(opened.info.get("exif") or b"")  # `getexif` would decode a PNG
    turned = opened.format != "TIFF" and exif.get(_ORIENTATION, 1) >= _FIRST_TURNED  # Pillow turns TIFF itself
    return opened.size[::-1] if turned else opened.size


def size_in_header(path: Path) -> tuple[int, int] | None:
    """``(width, height)`` in pixels of an upright picture; None of what Pillow cannot open, DICOM for one."""
    try:
        with Image.open(path) as opened:
            return upright_size(opened)
    except Exception:  # Pillow raises many kinds; jobs say what is wrong with the file
        return None
