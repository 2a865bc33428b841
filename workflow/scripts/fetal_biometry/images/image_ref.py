"""Image files and the images in them, without opening more than their first bytes: what a plan needs.

``FILE#3`` is the third image of a DICOM file that holds several.
"""

from pathlib import Path

from fetal_biometry.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
DICOM_SUFFIXES = (".dcm", ".dicom")


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


def list_frames(path) -> list[str]:
    """The images that a file holds: itself or, of a DICOM file with several frames, each with its number, from 1."""
    if not is_dicom(path):
        return [str(path)]
    from fetal_biometry.images.dicom import frame_sizes  # few plans meet a DICOM file, and need not wait for the import

    count = frame_sizes(path)[2]
    return [str(path)] if count == 1 else [f"{path}#{number}" for number in range(1, count + 1)]


def file_and_frame(image) -> tuple[str, int]:
    """The file of an image, and its frame there, counted from 0."""
    file, mark, number = str(image).rpartition("#")
    if mark and number.isdigit() and not Path(image).exists():
        return file, int(number) - 1
    return str(image), 0
