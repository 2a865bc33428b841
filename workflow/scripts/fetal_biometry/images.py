"""Ultrasound image files in, grey arrays out."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from fetal_biometry import dicom
from fetal_biometry.errors import InputError
from fetal_biometry.files import file_and_frame, is_dicom
from fetal_biometry.geometry import squeeze


def image_size(path) -> tuple[int, int]:
    """``(width, height)`` in pixels from the file's header, without decoding it.

    Raises
    ------
    InputError
        When the file is missing or is no image.
    """
    path, _ = file_and_frame(path)
    if is_dicom(path):
        return dicom.frame_sizes(path)[:2]
    try:
        with Image.open(path) as image:
            return image.size
    except FileNotFoundError:
        raise InputError(f"{path}: the image does not exist; correct its name or path.") from None
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: not a readable image ({error}); replace or remove it.") from error


def read_grey(path) -> np.ndarray:
    """Decode an image file to grey, uint8 of shape (H, W).

    Raises
    ------
    InputError
        When the file is missing, cut short or no image.
    """
    path, frame = file_and_frame(path)
    if is_dicom(path):
        shown = dicom.read_frame(path, frame)
        return shown if shown.ndim == 2 else cv2.cvtColor(shown, cv2.COLOR_RGB2GRAY)
    try:
        encoded = np.fromfile(path, dtype=np.uint8)
    except FileNotFoundError:
        raise InputError(f"{path}: the image does not exist; correct its name or path.") from None
    try:
        image = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION) if encoded.size else None
    except cv2.error:
        image = None
    if image is None:
        raise InputError(f"{path}: the image is empty, cut short or of an unknown format; replace or remove it.")
    return image


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
