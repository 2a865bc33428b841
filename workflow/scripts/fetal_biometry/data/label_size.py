"""Labels that were set on a copy of another size: told by the table as a whole, and brought back to original pixels."""

from __future__ import annotations

from pathlib import Path

from fetal_biometry.data.source import Source
from fetal_biometry.errors import InputError
from fetal_biometry.images.image_ref import ImageRef

LARGEST_SHARES = 100  # up to this size coordinates are shares of the image, above it pixels
LEAST_LABELS = 3  # a head or two may well lie all in one quarter of the image


def original_landmarks(label, image: ImageRef, stated: str) -> tuple[float, ...] | None:
    """The eight numbers of a `label_table.Label` in original pixels of its image.

    ``stated`` is ``WIDTHxHEIGHT`` of the picture that labels were set on, or ``""``: as the label's file says, else the
    original. InputError where that picture is turned or cut.
    """
    said = tuple(map(int, stated.split("x"))) if stated else label.size
    if label.landmarks is None or said is None:
        return label.landmarks
    size = _size_of(image)
    if size is None or said == size:
        return label.landmarks
    turned, cut = said == size[::-1], (said[0] == size[0]) != (said[1] == size[1])
    if (turned or cut) and not stated:
        raise InputError(
            f"{label.place}: the label was set on a picture of {said[0]}x{said[1]} pixels, but {image.path.name} has "
            f"{size[0]}x{size[1]}: one was {'turned' if turned else 'cut'}; label the image as viewers show it."
        )
    edge = [0 if side <= LARGEST_SHARES else 0.5 for side in said]
    return tuple(
        (number + edge[at % 2]) * size[at % 2] / said[at % 2] - 0.5 for at, number in enumerate(label.landmarks)
    )


def refuse_labels_of_copies(sources: list[Source], table: Path) -> None:
    """InputError where every label lies in the upper left quarter of its image: they were set on smaller copies.

    Labels as shares of the image, 0 to 1, are told without a look at the images.
    """
    furthest = [(max(one.landmarks[0::2]), max(one.landmarks[1::2])) for one in sources]
    right, bottom = (max(ends) for ends in zip(*furthest, strict=True))
    if max(right, bottom) <= 1.5:
        raise InputError(
            f"{table}: no coordinate is above {max(right, bottom):.2f}, so they are shares of the image, not pixels; "
            "give label_size=1x1, or labels in original pixels."
        )
    if len(sources) < LEAST_LABELS:
        return
    sizes = []
    for source, (x, y) in zip(sources, furthest, strict=True):
        size = _size_of(source.image)
        if size is None or x > size[0] / 2 or y > size[1] / 2:
            return
        sizes.append(size)
    width, height = (max(sides) for sides in zip(*sizes, strict=True))
    raise InputError(
        f"{table}: no point of {len(sources)} labels lies beyond {right:.0f} of {width} px across or {bottom:.0f} of "
        f"{height} px down, so they were set on smaller copies or are in mm; give label_size=WIDTHxHEIGHT of the "
        "copies (100x100 for percent), or labels in original pixels (mm divided by the pixel size)."
    )


def _size_of(image: ImageRef) -> tuple[int, int] | None:
    """``(width, height)`` in pixels; None where jobs will say what is wrong with the file."""
    from fetal_biometry.images.header import image_size  # most plans open no image

    try:
        return image_size(image)
    except InputError:
        return None
