"""Ultrasound image files in, grey arrays out."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from fetal_biometry.errors import InputError
from fetal_biometry.images import dicom
from fetal_biometry.images.image_ref import file_and_frame, is_dicom
from fetal_biometry.model.geometry import squeeze

_GREY = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
Image.MAX_IMAGE_PIXELS = None  # headers alone are read here, and `_refuse_size` has a limit of its own
SMALLEST_SIDE, LARGEST_PX = 32, 2**26  # no head is seen in less; no ultrasound system writes more


def image_size(path) -> tuple[int, int]:
    """``(width, height)`` in pixels from the file's header, without decoding it.

    Raises
    ------
    InputError
        When the file is missing, is no image or several, or one of no ultrasound image's size.
    """
    path, _ = file_and_frame(path)
    if is_dicom(path):
        size = dicom.frame_sizes(path)[:2]
    else:
        try:
            with Image.open(path) as image:
                size, frames = image.size, getattr(image, "n_frames", 1)
                several = frames > 1 and image.format in ("PNG", "GIF", "TIFF")
        except FileNotFoundError:
            raise InputError(f"{path}: the image does not exist; correct its name or path.") from None
        except Exception as error:  # Pillow raises many kinds
            reason = "of an unknown format" if isinstance(error, UnidentifiedImageError) else error
            raise InputError(f"{path}: not a readable image ({reason}); replace or remove it.") from error
        if several:
            raise InputError(f"{path}: {frames} pictures in one file; save those to be measured as files of their own.")
    _refuse_size(path, *size)
    return size


def read_grey(path) -> np.ndarray:
    """Decode an image file to grey, uint8 of shape (H, W); of 16 bits a pixel the brightest one becomes white.

    Raises
    ------
    InputError
        When the file is missing, cut short or no image, or of no ultrasound image's size.
    """
    path, frame = file_and_frame(path)
    if is_dicom(path):
        _refuse_size(path, *dicom.frame_sizes(path)[:2])
        shown = dicom.read_frame(path, frame)
        return shown if shown.ndim == 2 else cv2.cvtColor(shown, cv2.COLOR_RGB2GRAY)
    try:
        encoded = np.fromfile(path, dtype=np.uint8)
    except FileNotFoundError:
        raise InputError(f"{path}: the image does not exist; correct its name or path.") from None
    try:
        image = cv2.imdecode(encoded, _GREY) if encoded.size else None
    except cv2.error:
        image = None
    if image is None:
        raise InputError(f"{path}: the image is empty, cut short or of an unknown format; replace or remove it.")
    _refuse_size(path, *image.shape[::-1])
    if image.dtype == np.uint16:
        return np.round(image * (255 / max(1, image.max()))).astype(np.uint8)
    if image.dtype != np.uint8:
        raise InputError(f"{path}: pixels of type {image.dtype}; save it with 8 or 16 bits a pixel.")
    return image


def _refuse_size(path, width: int, height: int) -> None:
    if min(width, height) < SMALLEST_SIDE or width * height > LARGEST_PX:
        wanted = f"of {SMALLEST_SIDE} pixels a side and more, {LARGEST_PX // 10**6} million at most"
        raise InputError(f"{path}: {width}x{height} pixels; give an image {wanted}.")


def read_squeezed(paths, size: int, threads: int = 1) -> Iterator[tuple[np.ndarray, tuple[int, int]]]:
    """Image files as grey arrays of `size` pixels a side, in order, each with its own ``(width, height)``.

    Some are decoded ahead of use, by `threads` threads, however many there are.

    Raises
    ------
    InputError
        As of `read_grey`, when it is that image's turn.
    """

    def read(path):
        image = read_grey(path)
        return squeeze(image, size), image.shape[::-1]

    with ThreadPoolExecutor(threads) as pool:
        waiting: deque = deque()
        for path in paths:
            waiting.append(pool.submit(read, path))
            if len(waiting) > 16 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def pixel_sizes_in(path) -> np.ndarray:
    """Where in an image the file itself says how large a pixel is, see `dicom.calibrated_regions`; (0, 6) of others."""
    path, frame = file_and_frame(path)
    return dicom.calibrated_regions(path, frame) if is_dicom(path) else np.zeros((0, 6))
