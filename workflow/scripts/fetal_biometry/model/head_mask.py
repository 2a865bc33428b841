"""The head mask: rendered from the four landmarks as a target, and read back as the ellipse of its outline.

A second estimate of both diameters from one network, which needs no annotation of its own.
"""

import contextlib

import cv2
import numpy as np

from fetal_biometry.model.geometry import fit_outline
from fetal_biometry.model.views import to_original

_FEWEST = 12  # outline points below which an ellipse's five numbers are not worth fitting
_FAINTEST = 0.2  # summit of a mask; a head that is likelier nowhere is none
_CEILING = 1e-4  # keeps the logarithm of the odds finite


def encode(points: np.ndarray, size: int) -> np.ndarray:
    """Share of each cell that the head covers.

    Parameters
    ----------
    points : ndarray of shape (N, 4, 2)
        Landmarks in grid cells. The two diameters are taken as conjugate ones of an ellipse.
    size : int
        Cells a side.

    Returns
    -------
    ndarray of shape (N, size, size), float32
        0 to 1, with an edge one cell wide.
    """
    points = np.asarray(points, dtype=float)
    along, across = (points[:, 1::2] - points[:, 0::2]).transpose(1, 0, 2) / 2
    x, y = np.arange(size) - points.mean(axis=1).T[..., None]
    area = along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0]
    area = np.where(np.abs(area) < 1e-6, 1e-6, area)
    u = (x[:, None, :] * across[:, 1, None, None] - y[:, :, None] * across[:, 0, None, None]) / area[:, None, None]
    v = (y[:, :, None] * along[:, 0, None, None] - x[:, None, :] * along[:, 1, None, None]) / area[:, None, None]
    radius = np.sqrt(np.abs(area))[:, None, None]
    return np.clip(0.5 + (1 - np.hypot(u, v)) * radius, 0, 1).astype(np.float32)


def decode(masks: np.ndarray, views: np.ndarray) -> np.ndarray:
    """Axes of the ellipse through each mask's outline.

    Parameters
    ----------
    masks : ndarray of shape (N, H, H)
        Probability that a cell belongs to the head.
    views : ndarray of shape (N, 2, 3)
        What the masks cover, see `views`.

    Returns
    -------
    ndarray of shape (N, 4, 2)
        Landmarks in original pixels: the long axis as OFD. NaN where there is no outline to fit.

    Notes
    -----
    The outline lies at half the mask's own height. An uncertain mask is low and flat; at a level of 0.5 the head would
    come out small, or not at all.
    """
    found = np.full((len(masks), 4, 2), np.nan)
    for i, (mask, view) in enumerate(zip(masks, views, strict=True)):
        outline = _trace_outline(mask)
        if len(outline) >= _FEWEST:
            with contextlib.suppress(ValueError):
                found[i] = fit_outline(to_original(view, outline, len(mask)))
    return found


def appearance(masks: np.ndarray) -> np.ndarray:
    """How sure and how sharp a mask is, whatever the head's size and place.

    Parameters
    ----------
    masks : ndarray of shape (N, H, W)

    Returns
    -------
    ndarray of shape (N, 2)
        Its height (0 to 1), and the breadth of its blurred edge in cells: ``p (1 - p)`` summed, over the perimeter.
    """
    height = masks.max(axis=(1, 2))
    share = masks / np.maximum(height, _CEILING)[:, None, None]
    radius = np.sqrt(np.maximum((share > 0.5).sum(axis=(1, 2)), 1) / np.pi)
    return np.stack([height, (share * (1 - share)).sum(axis=(1, 2)) / (2 * np.pi * radius)], axis=1)


def _trace_outline(mask: np.ndarray) -> np.ndarray:
    """Where the largest piece is half as high as the mask's summit, ``(x, y)`` of shape (K, 2).

    Between neighbouring cells the logarithm of the odds is taken as linear, as it is across a blurred edge.
    """
    summit = mask.max()
    if summit < _FAINTEST:
        return np.zeros((0, 2))
    height = np.clip(mask.astype(float) / summit, _CEILING, 1 - _CEILING)
    inside = height > 0.5
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8), connectivity=4)
    head = pieces == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()
    points = []
    for axis in (0, 1):
        first = (slice(None), slice(None, -1)) if axis == 0 else (slice(None, -1), slice(None))
        second = (slice(None), slice(1, None)) if axis == 0 else (slice(1, None), slice(None))
        y, x = np.nonzero((head[first] != head[second]) & (inside[first] != inside[second]))
        a, b = (np.log(part[y, x] / (1 - part[y, x])) for part in (height[first], height[second]))
        step = a / (a - b)
        points.append(np.stack([x + step * (1 - axis), y + step * axis], axis=1))
    return np.concatenate(points)
