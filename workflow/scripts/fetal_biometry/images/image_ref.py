"""Image files and the images in them, without opening more than their first bytes: what a plan needs."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from fetal_biometry.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp", ".webp", ".gif", ".jp2")
DICOM_SUFFIXES = (".dcm", ".dicom")
IMAGE_FORMATS = "PNG, JPEG, JPEG 2000, TIFF, BMP, WebP, GIF or DICOM"
_FIRST_BYTES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"GIF8", b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")
_TABLES = (".csv", ".tsv", ".txt", ".xlsx", ".xls", ".ods", ".json", ".xml", ".yaml")
_SYSTEM_FILES = ("thumbs.db", "desktop.ini", "__macosx")  # and whatever begins with a dot
_FRAME = re.compile(r"(.+)#([0-9]+)")


@dataclass(frozen=True)
class ImageRef:
    """One image: a file, and which of its frames or pages, counted from 0, where one of several is meant."""

    path: Path
    frame: int | None = None

    @classmethod
    def from_row(cls, row) -> ImageRef:
        """Of a table's row with ``path`` and ``frame``, which is empty or NaN for the only image of a file."""
        frame = row["frame"]
        return cls(Path(row["path"]), None if frame == "" or frame != frame else int(frame))

    @property
    def suffix(self) -> str:
        """What distinguishes a frame's name from its file's: ``#3`` of the third one."""
        return "" if self.frame is None else f"#{self.frame + 1}"

    def __str__(self) -> str:
        return f"{self.path}{self.suffix}"


@dataclass
class Listing:
    """What a folder holds: image files, by name, and why each other file or subfolder is passed over."""

    images: list[Path] = field(default_factory=list)
    passed_over: dict[Path, str] = field(default_factory=dict)

    def without_image(self, folder: Path) -> InputError:
        """What to say of a folder without an image: what it holds instead, and what would be one."""
        found = [f"{path.name}: {reason}" for path, reason in self.passed_over.items()]
        more = [f"and {len(found) - 3} more"] if len(found) > 3 else []
        return InputError(f"{folder}: no image in this folder ({'; '.join(found[:3] + more) or 'it is empty'}).")


def list_folder(folder, recursive: bool = False) -> Listing:
    """The files of a folder, each as an image or with the reason why it is none; system files are left out.

    Raises
    ------
    InputError
        When the folder does not exist.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: the image folder does not exist; correct the path in the configuration.")
    listing = Listing()
    _list_into(listing, folder, recursive, {os.path.realpath(folder)})
    return listing


def _list_into(listing: Listing, folder: Path, recursive: bool, seen: set[str]) -> None:
    for path in sorted(folder.iterdir()):
        if path.name[0] == "." or path.name.lower() in _SYSTEM_FILES:
            continue
        real = os.path.realpath(path)
        if path.is_dir() and path.suffix.lower() not in SUFFIXES:
            if not recursive:
                listing.passed_over[path] = "a subfolder, not read; give recursive=True (or --recursive) to read it"
            elif real not in seen:  # a link may lead back
                _list_into(listing, path, recursive, seen | {real})
        elif reason := _why_no_image(path):
            listing.passed_over[path] = reason
        else:
            listing.images.append(path)


def _why_no_image(path: Path) -> str:
    """Why a file is passed over, judged by its suffix and first bytes; empty for an image."""
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return ""
    if is_dicom(path):
        from fetal_biometry.images.dicom import kind_without_image  # few folders hold DICOM files

        kind = kind_without_image(path)
        return f"a DICOM file without an image ({kind})" if kind else ""
    if _first_bytes(path).startswith(_FIRST_BYTES):
        return ""
    what = "a table or text, no image; name it in pixel_sizes or images to use it" if suffix in _TABLES else "no image"
    return f"{what}; images are {IMAGE_FORMATS}"


def is_dicom(path) -> bool:
    """Whether a file is DICOM by its suffix or, where that is no picture's, by its first bytes.

    What follows the last dot of a file named by its UID is no suffix, and archives name files as they like.
    """
    suffix = Path(path).suffix.lower()
    return suffix in DICOM_SUFFIXES or (suffix not in SUFFIXES and _first_bytes(path)[128:] == b"DICM")


def _first_bytes(path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(132)
    except OSError:
        return b""


def file_of(path) -> tuple[Path, int | None]:
    """The file that a path names and, where it ends in ``#2`` and no file is called so, which of its frames, from 1."""
    named = _FRAME.fullmatch(str(path))
    return (Path(named[1]), int(named[2])) if named and not os.path.exists(path) else (Path(path), None)


def list_frames(path) -> list[ImageRef]:
    """The images that a path names: those of a file, of a DICOM file each frame, or one frame or page, ``cine.dcm#2``.

    Raises
    ------
    InputError
        When the file cannot be read, or has no such frame.
    """
    path, number = file_of(path)
    if number is None and not is_dicom(path):
        return [ImageRef(path)]
    from fetal_biometry.images.header import count_frames  # most plans open no image

    count = count_frames(path)
    if number is None:
        return [ImageRef(path, None if count == 1 else frame) for frame in range(count)]
    if not 1 <= number <= count:
        raise InputError(f"{path}: #{number} is none of its {count} frames or pages; give #1 to #{count}.")
    return [ImageRef(path, number - 1)]
