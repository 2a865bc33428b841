"""Image files and the images in them, without opening more than their first bytes: what a plan needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fetal_biometry.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
DICOM_SUFFIXES = (".dcm", ".dicom")


@dataclass(frozen=True)
class ImageRef:
    """One image: a file, and which of its frames, counted from 0, where a DICOM file holds several."""

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


def find_images(folder) -> list[Path]:
    """Image files directly in a folder, by name; DICOM files may lack a suffix."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: the image folder does not exist; correct the path in the configuration.")
    return sorted(
        path for path in folder.iterdir() if path.name[0] != "." and (path.suffix.lower() in SUFFIXES or is_dicom(path))
    )


def is_dicom(path) -> bool:
    """Whether a file is DICOM by its suffix or, where it has none, by its first bytes."""
    path = Path(path)
    if path.suffix:
        return path.suffix.lower() in DICOM_SUFFIXES
    try:
        with open(path, "rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def list_frames(path) -> list[ImageRef]:
    """The images that a file holds: one or, of a DICOM file with several frames, each of them."""
    if not is_dicom(path):
        return [ImageRef(Path(path))]
    from fetal_biometry.images.dicom import frame_sizes  # few plans meet a DICOM file, and need not wait for the import

    count = frame_sizes(path)[2]
    return [ImageRef(Path(path), None if count == 1 else frame) for frame in range(count)]
