"""Where a picture stops showing a head: at its frame, a bar, a redaction box, the side of the sector."""

from __future__ import annotations

import cv2
import numpy as np

from fetal_biometry.model.geometry import landmarks_to_ellipse
from fetal_biometry.model.views import to_grid, whole_views

_BLOCK = np.ones((3, 3), np.uint8)  # of one grey, it belongs to an even area
_FRAME = 4  # pixels beyond the prepared image, which are even, too
_SHORTEST = 10  # pixels of an edge that is looked at, and how many of them are drawn
_GAP = 4  # pixels; texture may touch an edge, and a slanted one has steps


def straight_edges(images: np.ndarray, sizes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Length of the longest straight edge of an even area inside each head, as a share of its BPD, (N,).

    Fluid and shadows in a head may be black, too, but their edges are ragged. What hides a head has a straight one.

    Parameters
    ----------
    images : ndarray of shape (N, S, S), uint8
        Prepared images, see `geometry.fit_square`.
    sizes : ndarray of shape (N, 2)
        Width and height of the originals.
    points : ndarray of shape (N, 4, 2)
        Landmarks in original pixels.
    """
    heads = to_grid(whole_views(sizes), points, images.shape[-1]) + _FRAME
    return np.array([_longest_edge(np.pad(image, _FRAME), head) for image, head in zip(images, heads, strict=True)])


def _longest_edge(image: np.ndarray, head: np.ndarray) -> float:
    even = cv2.dilate(image, _BLOCK) == cv2.erode(image, _BLOCK)
    area = cv2.dilate(even.astype(np.uint8), _BLOCK)
    centre, *semi_axes, angle = landmarks_to_ellipse(head)
    ellipse = centre.tolist(), [2 * float(semi) for semi in semi_axes], float(np.rad2deg(angle))
    edge = area & ~cv2.erode(area, _BLOCK) & cv2.ellipse(np.zeros_like(image), ellipse, 1, -1)
    lines = cv2.HoughLinesP(edge, 1, np.pi / 180, _SHORTEST, minLineLength=_SHORTEST, maxLineGap=_GAP)
    if lines is None:
        return 0.0
    ends = lines.reshape(-1, 2, 2)
    return float(np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1).max() / max(ellipse[1][1], 1.0))
