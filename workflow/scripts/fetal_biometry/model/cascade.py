"""How the pretrained model of version 0.1.0 is read: a localiser finds the head, a refiner measures it from close by.

No recipe trains such a cascade any more. This module goes when the pretrained model does.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from fetal_biometry.model.detection import (
    CONFIDENCE,
    DISAGREEMENT,
    HEIGHT,
    STAGE_DISAGREEMENT,
    Decoding,
    average_flips,
    farthest,
    locate,
    sharpest,
)
from fetal_biometry.model.geometry import fit_square, landmarks_to_ellipse
from fetal_biometry.model.views import show, whole_views

_LOWEST = [CONFIDENCE, HEIGHT]  # features of which the lower one of both stages counts


def find_heads_in_stages(
    draw: Callable[[np.ndarray, int], np.ndarray], images: np.ndarray, sizes: np.ndarray, metadata: dict
) -> tuple[np.ndarray, np.ndarray]:
    """`detection.find_heads` of a cascade.

    Parameters
    ----------
    draw : callable
        The networks, from (N, S, S) images and the stage, 0 or 1, to maps.
    images : ndarray of shape (N, C, C), uint8
        Squeezed, larger than S, for the refiner's crops.
    metadata : dict
        Of the model's file: ``image_size`` S, ``decoder``, ``sigma_cells``, ``stretch`` (the peak-bias scale),
        ``reflections`` and ``zooms`` of both stages, ``closeup`` with the crop's ``field``, and ``second_opinion``,
        None or the ``disagreement`` beyond which images are read anew with other ``reflections`` and ``zooms``.
    """
    found = [_in_two_stages(draw, images, sizes, metadata, zoom) for zoom in metadata["zooms"]]
    points, quality = sharpest(*(np.stack(part) for part in zip(*found, strict=True)))
    again = metadata.get("second_opinion")
    unsure = quality[:, DISAGREEMENT] > (again["disagreement"] if again else np.inf)
    if unsure.any():
        anew, before = {**metadata, **again, "second_opinion": None}, points[unsure]
        points[unsure], quality[unsure] = find_heads_in_stages(draw, images[unsure], sizes[unsure], anew)
        moved = farthest(before, points[unsure])
        quality[unsure, STAGE_DISAGREEMENT] = np.fmax(quality[unsure, STAGE_DISAGREEMENT], moved)
    return points, quality


def _in_two_stages(draw, images, sizes, metadata: dict, zoom: float) -> tuple[np.ndarray, np.ndarray]:
    size = metadata["image_size"]
    decoding = Decoding(metadata["decoder"], metadata["sigma_cells"], "none", tuple(metadata["stretch"]))

    def read(seen, views, stage):
        one = functools.partial(draw, stage=stage)
        maps = average_flips(one, seen) if metadata["reflections"] == "all" else one(seen)
        return locate(maps, views, decoding)

    views = whole_views(sizes, zoom, squeezed=True)
    if zoom == 1:
        seen = np.stack([fit_square(image, size) for image in images])
    else:
        seen = show(images, sizes, views, size, squeezed=True)
    points, quality = read(seen, views, 0)
    views = crops(points, metadata["closeup"]["field"])
    refined, closer = read(show(images, sizes, views, size, squeezed=True), views, 1)
    lost = closer[:, DISAGREEMENT] == 1
    lowest = np.minimum(quality[:, _LOWEST], closer[:, _LOWEST])
    quality[:, _LOWEST] = closer[:, _LOWEST] = lowest
    last = np.where(lost[:, None, None], points, refined)
    apart = np.where(lost, 1.0, farthest(points, last))
    return last, np.column_stack([np.where(lost[:, None], quality, closer), apart])


def crops(heads: np.ndarray, field: float) -> np.ndarray:
    """Views (N, 2, 3) of heads, landmarks (N, 4, 2): the OFD along x, the side ``field`` times the OFD."""
    centre, semi_long, _, angle = landmarks_to_ellipse(heads)
    side = 2 * field * np.maximum(semi_long, 1.0)
    cosine, sine = side * np.cos(angle), side * np.sin(angle)
    turn = np.stack([np.stack([cosine, -sine], axis=-1), np.stack([sine, cosine], axis=-1)], axis=-2)
    corner = centre - turn.sum(axis=-1) / 2
    return np.concatenate([turn, corner[..., None]], axis=-1)
