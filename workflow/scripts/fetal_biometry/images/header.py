"""What the header of an image file says, without decoding it: for plans, which need neither numpy nor OpenCV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from fetal_biometry.errors import InputError
from fetal_biometry.images.image_ref import IMAGE_FORMATS, ImageRef, is_dicom

Image.MAX_IMAGE_PIXELS = None  # headers alone are read here, and `image_size` has a limit of its own
SMALLEST_SIDE, LARGEST_PX = 32, 2**26  # no head is seen in less; no ultrasound system writes more
_ORIENTATION, _FIRST_TURNED = 274, 5  # the EXIF tag; from this value on rows are columns


def image_size(image: ImageRef) -> tuple[int, int]:
    """``(width, height)`` in pixels of the picture that people see, turned as its EXIF orientation says.

    Raises
    ------
    InputError
        When the file is missing, is no image or several, or one of no ultrasound image's size.
    """
    path = image.path
    if is_dicom(path):
        width, height, frames = _dicom_size(path)
        _refuse_several(image, frames)
    else:
        with opened(path) as picture:
            _refuse_several(image, _frames_of(picture))
            picture.seek(image.frame or 0)
            exif = Image.Exif()
            exif.load(picture.info.get("exif") or b"")  # `getexif` would decode a PNG
            turned = picture.format != "TIFF" and exif.get(_ORIENTATION, 1) >= _FIRST_TURNED  # Pillow turns TIFF itself
            width, height = picture.size[::-1] if turned else picture.size
    if min(width, height) < SMALLEST_SIDE or width * height > LARGEST_PX:
        wanted = f"of at least {SMALLEST_SIDE} pixels a side and {LARGEST_PX // 10**6} million pixels at most"
        raise InputError(f"{path}: {width}x{height} pixels; give an image {wanted}.")
    return width, height


def _refuse_several(image: ImageRef, frames: int) -> None:
    if frames > 1 and image.frame is None:
        raise InputError(
            f"{image.path}: {frames} pictures in one file; save those to be measured as files of their own, or name "
            f"them in a csv of images or labels: {image.path.name}#1."
        )


def count_frames(path: Path) -> int:
    """How many frames or pages a file has; InputError where it is no image that can be read."""
    if is_dicom(path):
        return _dicom_size(path)[2]
    with opened(path) as picture:
        return _frames_of(picture)


@contextmanager
def opened(path) -> Iterator[Image.Image]:
    """An open image file, of which the header alone is read; whatever Pillow raises becomes an `InputError`."""
    try:
        with Image.open(path) as picture:
            yield picture
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: the image does not exist; correct its name or path.") from None
    except Exception as error:  # of many kinds
        reason = "of an unknown format" if isinstance(error, UnidentifiedImageError) else error
        remedy = f"images are {IMAGE_FORMATS}; replace or remove it"
        raise InputError(f"{path}: not a readable image ({reason}); {remedy}.") from error


def _frames_of(picture: Image.Image) -> int:
    return getattr(picture, "n_frames", 1) if picture.format != "MPO" else 1  # whose further pictures are previews


def _dicom_size(path: Path) -> tuple[int, int, int]:
    from fetal_biometry.images.dicom import frame_sizes  # few plans meet a DICOM file, and need not wait for the import

    return frame_sizes(path)
