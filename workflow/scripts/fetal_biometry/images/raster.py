"""Ultrasound image files in, grey arrays out."""

from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from fetal_biometry.errors import InputError
from fetal_biometry.images import dicom
from fetal_biometry.images.header import upright_size
from fetal_biometry.images.image_ref import ImageRef, is_dicom
from fetal_biometry.model.geometry import fit_square

_GREY = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH  # upright, as viewers show it
Image.MAX_IMAGE_PIXELS = None  # headers alone are read here, and `_refuse_size` has a limit of its own
SMALLEST_SIDE, LARGEST_PX = 32, 2**26  # no head is seen in less; no ultrasound system writes more


def image_size(image: ImageRef) -> tuple[int, int]:
    """``(width, height)`` in pixels of the upright image, from the file's header, without decoding it.

    Raises
    ------
    InputError
        When the file is missing, is no image or several, or one of no ultrasound image's size.
    """
    path = image.path
    if is_dicom(path):
        size = dicom.frame_sizes(path)[:2]
    else:
        try:
            with Image.open(path) as opened:
                size, frames = upright_size(opened), getattr(opened, "n_frames", 1)
                several = frames > 1 and opened.format in ("PNG", "GIF", "TIFF")
        except FileNotFoundError:
            raise InputError(f"{path}: the image does not exist; correct its name or path.") from None
        except Exception as error:  # Pillow raises many kinds
            reason = "of an unknown format" if isinstance(error, UnidentifiedImageError) else error
            raise InputError(f"{path}: not a readable image ({reason}); replace or remove it.") from error
        if several:
            raise InputError(f"{path}: {frames} pictures in one file; save those to be measured as files of their own.")
    _refuse_size(path, *size)
    return size


def read_grey(image: ImageRef) -> np.ndarray:
    """Decode an image file to grey and upright, uint8 (H, W); of 16 bits a pixel the brightest one becomes white.

    Raises
    ------
    InputError
        When the file is missing, cut short or no image, or of no ultrasound image's size.
    """
    path = image.path
    if is_dicom(path):
        _refuse_size(path, *dicom.frame_sizes(path)[:2])
        shown = dicom.read_frame(path, image.frame or 0)
        return shown if shown.ndim == 2 else cv2.cvtColor(shown, cv2.COLOR_RGB2GRAY)
    try:
        encoded = np.fromfile(path, dtype=np.uint8)
    except FileNotFoundError:
        raise InputError(f"{path}: the image does not exist; correct its name or path.") from None
    try:
        grey = cv2.imdecode(encoded, _GREY) if encoded.size else None
    except cv2.error:
        grey = None
    if grey is None:
        raise InputError(f"{path}: the image is empty, cut short or of an unknown format; replace or remove it.")
    _refuse_size(path, *grey.shape[::-1])
    if grey.dtype == np.uint16:
        return np.round(grey * (255 / max(1, grey.max()))).astype(np.uint8)
    if grey.dtype != np.uint8:
        raise InputError(f"{path}: pixels of type {grey.dtype}; save it with 8 or 16 bits a pixel.")
    return grey


def _refuse_size(path, width: int, height: int) -> None:
    if min(width, height) < SMALLEST_SIDE or width * height > LARGEST_PX:
        wanted = f"of {SMALLEST_SIDE} pixels a side and more, {LARGEST_PX // 10**6} million at most"
        raise InputError(f"{path}: {width}x{height} pixels; give an image {wanted}.")


@dataclass(frozen=True)
class Prepared:
    """An image as networks see it.

    ``pixels`` (size, size), uint8; original ``width`` and ``height``; ``regions`` (R, 6), where the file itself says
    how large a pixel is, see `dicom.calibrated_regions`.
    """

    pixels: np.ndarray
    width: int
    height: int
    regions: np.ndarray


def prepare_image(image: ImageRef, size: int, squeezed: bool = False) -> Prepared:
    """Decode an image and fit it into a square, see `geometry.fit_square`.

    Raises
    ------
    InputError
        As of `read_grey` and `image_size`.
    """
    image_size(image)  # refuses several pictures in one file, of which decoding would show the first
    grey = read_grey(image)
    height, width = grey.shape
    return Prepared(fit_square(grey, size, squeezed), width, height, pixel_sizes_in(image))


def prepare_images(images: Iterable[ImageRef], size: int, squeezed: bool = False, threads: int = 1):
    """`Prepared` images in order or, of those that cannot be read, the `InputError`.

    Some are decoded ahead of use, by ``threads`` threads, however many there are.
    """

    def attempt(image: ImageRef) -> Prepared | InputError:
        try:
            return prepare_image(image, size, squeezed)
        except InputError as error:
            return error

    with ThreadPoolExecutor(threads) as pool:
        waiting: deque = deque()
        for image in images:
            waiting.append(pool.submit(attempt, image))
            if len(waiting) > 16 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def pixel_sizes_in(image: ImageRef) -> np.ndarray:
    """Where in an image the file itself says how large a pixel is, see `dicom.calibrated_regions`; (0, 6) of others."""
    return dicom.calibrated_regions(image.path, image.frame or 0) if is_dicom(image.path) else np.zeros((0, 6))


def format_regions(regions) -> str:
    """Calibrated regions as a table's cell: numbers, with ``;`` in between.

    Examples
    --------
    >>> format_regions([[0, 0, 799, 539, 0.1, 0.12]])
    '0 0 799 539 0.1 0.12'
    """
    return ";".join(" ".join(f"{number:.12g}" for number in region) for region in regions)


def parse_regions(text: str) -> np.ndarray:
    """What `format_regions` wrote, (R, 6)."""
    return np.array([region.split() for region in text.split(";")], dtype=float)
