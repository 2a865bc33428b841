"""Labels that were set on a copy of another size: told by the table as a whole, and brought back to original pixels."""

from __future__ import annotations

import math
from pathlib import Path

from fetal_biometry.data.source import Source
from fetal_biometry.errors import InputError

COPIES = (100, 128, 192, 224, 256, 299, 320, 384, 448, 512, 640, 768, 1024)  # usual sides; 100 stands for percent
LARGEST_SHARES = 100  # up to this size coordinates are shares of the image, above it pixels
LEAST_LABELS = 3  # a head or two may well lie all in one quarter of the image


def original_landmarks(label, path: Path, stated: str) -> tuple[float, ...] | None:
    """A label's eight numbers in original pixels.

    Parameters
    ----------
    label : label_table.Label
    path : Path
        Of its image.
    stated : str
        ``WIDTHxHEIGHT`` of the picture that labels were set on, or ``""``: as the label's file says, else the original.

    Raises
    ------
    InputError
        A picture that is turned; an image whose size is not known without decoding it.
    """
    said = tuple(map(int, stated.split("x"))) if stated else label.size
    if label.landmarks is None or said is None:
        return label.landmarks
    from fetal_biometry.images.header import size_in_header  # most plans open no image

    size = size_in_header(path)
    if size is None and stated:
        raise InputError(f"{label.place}: the size of {path} is not known; give its label in original pixels.")
    if size is None or said == size:
        return label.landmarks
    if said == size[::-1] and not stated:
        raise InputError(
            f"{label.place}: set on a picture of {said[0]}x{said[1]} pixels, but {path.name} has {size[0]}x{size[1]}, "
            "as if it was turned; label it as viewers show it."
        )
    if (said[0] == size[0]) != (said[1] == size[1]) and not stated:
        raise InputError(
            f"{label.place}: set on a picture of {said[0]}x{said[1]} pixels, but {path.name} has {size[0]}x{size[1]}, "
            "as if it was cut; label it as it is."
        )
    return tuple(_resized(number, said[at % 2], size[at % 2]) for at, number in enumerate(label.landmarks))


def _resized(number: float, side: int, original: int) -> float:
    if side <= LARGEST_SHARES:
        return number * original / side - 0.5
    return (number + 0.5) * original / side - 0.5


def refuse_labels_of_copies(sources: list[Source], table: Path) -> None:
    """InputError where every label lies in the upper left quarter of its image: they were set on smaller copies.

    Labels as shares of the image, 0 to 1, are told without a look at the images.
    """
    furthest = [(max(one.landmarks[0::2]), max(one.landmarks[1::2])) for one in sources]
    if not furthest:
        return
    right, bottom = (max(ends) for ends in zip(*furthest, strict=True))
    if max(right, bottom) <= 1.5:
        raise InputError(
            f"{table}: no coordinate is above {max(right, bottom):.2f}: shares of the image, not pixels; give "
            "label_size=1x1, or labels in original pixels."
        )
    if len(sources) < LEAST_LABELS:
        return
    from fetal_biometry.images.header import size_in_header  # most plans open no image

    sizes = []
    for source, (x, y) in zip(sources, furthest, strict=True):
        size = size_in_header(source.image.path)
        if size is None or x > size[0] / 2 or y > size[1] / 2:
            return
        sizes.append(size)
    width, height = (max(sides) for sides in zip(*sizes, strict=True))
    copy = _likely_copy(sources, sizes)
    remedy = (
        f"give label_size={copy}x{copy} if they were set on such copies"
        if copy
        else "divide millimetres by pixel sizes"
    )
    raise InputError(
        f"{table}: no point of {len(sources)} labels lies beyond {right:.0f} of {width} px across or {bottom:.0f} of "
        f"{height} px down: labels of other pictures, or in another unit; {remedy}, or give labels in original pixels."
    )


def _likely_copy(sources: list[Source], sizes: list[tuple[int, int]]) -> int:
    """The side of the copies in whose middle the heads lie; 0 where they do so in millimetres."""
    count = len(sources)
    middle = [sum(sum(one.landmarks[axis::2]) / 4 for one in sources) / count for axis in (0, 1)]
    offsets = {side: math.hypot(middle[0] / side - 0.5, middle[1] / side - 0.5) for side in COPIES}
    known = [(one.pixel_size_mm, size) for one, size in zip(sources, sizes, strict=True) if one.pixel_size_mm]
    if known:
        sides_mm = [sum(pixel * size[axis] for pixel, size in known) / len(known) for axis in (0, 1)]
        offsets[0] = math.hypot(*(at / side - 0.5 for at, side in zip(middle, sides_mm, strict=True)))
    return min(offsets, key=offsets.get)
