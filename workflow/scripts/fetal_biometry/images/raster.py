"""Ultrasound image files in, grey arrays out."""

from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from fetal_biometry.errors import InputError
from fetal_biometry.images.header import image_size, opened
from fetal_biometry.images.image_ref import ImageRef, is_dicom
from fetal_biometry.images.regions import Calibration
from fetal_biometry.model.geometry import fit_square

_GREY = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH  # upright, as viewers show it
ENLARGED = 0.6  # regions that end before this share of width and height are those of a smaller copy


def _dicom():
    """The module that reads DICOM files: few runs meet one, and need not wait for the import."""
    from fetal_biometry.images import dicom

    return dicom


def read_grey(image: ImageRef) -> np.ndarray:
    """Decode an image file to grey as people see it, uint8 of shape (H, W).

    EXIF's orientation is applied. Of 16 bits a pixel as many count as the brightest one needs, see `dicom.full_scale`.
    How large an image may be is checked by `image_size`, which comes first.

    Raises
    ------
    InputError
        When the file is missing, cut short or no image.
    """
    path = image.path
    if is_dicom(path):
        shown = _dicom().read_frame(path, image.frame or 0)
        return shown if shown.ndim == 2 else cv2.cvtColor(shown, cv2.COLOR_RGB2GRAY)
    grey = _decode(path) if image.frame is None else _decode_page(path, image.frame)
    if grey.dtype == np.uint16:
        return np.round(grey * (255 / _dicom().full_scale(grey))).astype(np.uint8)
    if grey.dtype != np.uint8:
        raise InputError(f"{path}: pixels of type {grey.dtype}; save it with 8 or 16 bits a pixel.")
    return grey


def _decode(path) -> np.ndarray:
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
    return grey


def _decode_page(path, frame: int) -> np.ndarray:
    """One page or frame of several."""
    with opened(path) as picture:
        picture.seek(frame)
        picture.load()  # before it, a GIF file's mode is that of its first frame
        page = np.asarray(picture if picture.mode in ("L", "I;16", "I;16B", "F", "I") else picture.convert("L"))
    return page.astype(np.uint16) if page.dtype == ">u2" else page


@dataclass(frozen=True)
class Prepared:
    """An image as networks see it.

    ``pixels`` (size, size), uint8; original ``width`` and ``height``; what the file itself says of its pixels' size.
    """

    pixels: np.ndarray
    width: int
    height: int
    calibration: Calibration = field(default_factory=Calibration)


def prepare_image(image: ImageRef, size: int) -> Prepared:
    """Decode an image and fit it into a square, see `geometry.fit_square`.

    Raises
    ------
    InputError
        As of `read_grey` and `image_size`.
    """
    image_size(image)  # refuses several pictures in one file, of which decoding would show the first
    grey = read_grey(image)
    height, width = grey.shape
    return Prepared(fit_square(grey, size), width, height, doubted(calibration_of(image), grey))


def doubted(known: Calibration, grey: np.ndarray) -> Calibration:
    """The calibration, with a problem where its regions end within a frame that goes on, as in an enlarged copy."""
    size = np.array(grey.shape[::-1])
    if known.problem or not len(known.regions) or (known.regions[:, 2:4] > ENLARGED * size).any():
        return known
    right, bottom = known.regions[:, 2:4].max(axis=0).astype(int) + 1
    if grey[:bottom, :right].sum(dtype=float) >= grey.sum(dtype=float) / 2:
        return known
    end = f"its regions end at {right - 1}, {bottom - 1}"
    return replace(known, problem=f"{end} in a frame of {size[0]}x{size[1]} pixels that shows more beyond")


def prepare_images(images: Iterable[ImageRef], size: int, threads: int = 1):
    """`Prepared` images in order or, of those that cannot be read, the `InputError`.

    Some are decoded ahead of use, by ``threads`` threads, however many there are.
    """

    def attempt(image: ImageRef) -> Prepared | InputError:
        try:
            return prepare_image(image, size)
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


def calibration_of(image: ImageRef) -> Calibration:
    """What the file itself says of its pixels' size, see `dicom.calibration`; nothing where it is no DICOM file."""
    return _dicom().calibration(image.path, image.frame or 0) if is_dicom(image.path) else Calibration()
