"""A second head in a picture, as dual views have it: looked for in the largest part that the first one leaves free."""

from __future__ import annotations

import numpy as np

from fetal_biometry.model.detection import DISAGREEMENT, HEIGHT, Decoding, Draw, augmented, locate
from fetal_biometry.model.geometry import fit_square, reach
from fetal_biometry.model.views import to_grid, to_original, whole_views
from fetal_biometry.terms import SECOND_COLUMNS

SECOND_HEAD = (*SECOND_COLUMNS, "second_disagreement", "second_height")  # columns of landmark tables
_DRAWN, _UNSURE = 0.5, 0.15  # height of a mask, and disagreement beyond which what it draws is read again
_ROOM = 0.4  # share of the picture from which a part is looked at; one in seven of HC18's images has such a part


def find_second_heads(
    draw: Draw, images: np.ndarray, sizes: np.ndarray, heads: np.ndarray, decoding: Decoding
) -> np.ndarray:
    """What the network draws beside each head, `SECOND_HEAD`, (N, 10); NaN where there is no room for another one.

    Parameters
    ----------
    draw, images, sizes, decoding
        As of `detection.find_heads`. The network draws a head mask.
    heads : ndarray of shape (N, 4, 2)
        First heads, original pixels.
    """
    side = images.shape[-1]
    parts, shares = free_parts(sizes, heads, side)
    found, wide = np.full((len(images), len(SECOND_HEAD)), np.nan), np.flatnonzero(shares >= _ROOM)
    if not len(wide):
        return found
    cut = [images[i, top:bottom, left:right] for i, (left, top, right, bottom) in zip(wide, parts[wide], strict=True)]
    shown, shapes = np.stack([fit_square(part, side) for part in cut]), np.array([part.shape[::-1] for part in cut])
    points, features = locate(draw(shown), whole_views(shapes), decoding)
    again = (features[:, HEIGHT] >= _DRAWN) & (features[:, DISAGREEMENT] > _UNSURE)
    if again.any():
        points[again], features[again] = augmented(draw, shown[again], shapes[again], decoding)
    points = to_original(whole_views(sizes[wide]), points + parts[wide, None, :2], side)
    found[wide] = np.column_stack([points.reshape(-1, 8), features[:, [DISAGREEMENT, HEIGHT]]])
    return found


def free_parts(sizes: np.ndarray, heads: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """The largest part of each picture left of, above, right of or below its head.

    Returns
    -------
    parts : ndarray of shape (N, 4), int
        Left, top, right and bottom in prepared images, ``side`` pixels a side; right and bottom are the first beyond.
    shares : ndarray of shape (N,)
        Of the picture's area.
    """
    views, sizes = whole_views(sizes), np.asarray(sizes, dtype=float)
    first, last = to_grid(views, np.stack([np.full_like(sizes, -0.5), sizes - 0.5], axis=1), side).swapaxes(0, 1)
    low, high = reach(to_grid(views, heads, side))
    picture = np.concatenate([first, last], axis=1)
    parts = np.repeat(picture[:, None], 4, axis=1)
    parts[:, [0, 1], [2, 3]] = np.clip(low, first, last)
    parts[:, [2, 3], [0, 1]] = np.clip(high, first, last)
    areas = (parts[..., 2:] - parts[..., :2]).prod(axis=-1)
    largest, each = areas.argmax(axis=1), np.arange(len(parts))
    shares = areas[each, largest] / (last - first).prod(axis=1)
    return np.round(parts[each, largest] + 0.5).astype(int), shares
