"""From what a network draws to landmarks in original pixels."""

import numpy as np

from fetal_biometry import heatmaps, masks
from fetal_biometry.geometry import all_lengths, mean_ellipse, radius_in_ellipse, resize_points
from fetal_biometry.landmarks import canonical

EVIDENCE = ("confidence", "disagreement", "height", "blur")  # what `locate` says about its own points, by column
_HEAD_SHARE = 0.75  # of the filled head: dozens of cells carry its outline, each landmark rests on a few
_AGREEMENT = 0.1  # of each length; beyond it an end of the landmarks has gone astray, and the filled head stands alone


def locate(maps: np.ndarray, sizes: np.ndarray, decoder: str, sigma_cells: float) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks of images whose maps a network drew.

    Parameters
    ----------
    maps : ndarray of shape (N, 4 or 5, H, H)
        Four heatmaps, and the filled head where the network draws it.
    sizes : ndarray of shape (N, 2)
        Width and height of the original images.
    decoder : str
        One of `heatmaps.decode`, or ``fused``: an ellipse between the one that the ``paired`` landmarks span
        and the one around the filled head. Where the two disagree the filled head stands alone, where none is
        drawn the landmarks.
    sigma_cells : float
        Standard deviation of the heatmaps' Gaussians in cells.

    Returns
    -------
    points : ndarray of shape (N, 4, 2)
        In original pixels and canonical order.
    evidence : ndarray of shape (N, 4)
        `EVIDENCE`: confidence of the heatmaps, 0 to 1; disagreement of the two estimates, the farthest of the heatmaps'
        landmarks from the filled head's outline as a share of its radius, 1 where none is drawn; height and blur of
        the filled head, see `masks.appearance`. NaN where the decoder reads no filled head.
    """
    sizes, cells = np.asarray(sizes), maps.shape[-1]
    evidence = np.full((len(maps), len(EVIDENCE)), np.nan)
    points, evidence[:, 0] = heatmaps.decode(maps[:, :4], "paired" if decoder == "fused" else decoder, sigma_cells)
    points = canonical(resize_points(points, (cells, cells), sizes[:, None]))
    if decoder == "fused":
        heads = masks.decode(maps[:, 4], sizes)
        drawn = np.isfinite(heads).all(axis=(1, 2))
        heads = np.where(drawn[:, None, None], heads, points)
        evidence[:, 1] = np.where(drawn, np.abs(radius_in_ellipse(points, heads) - 1).max(axis=1), 1.0)
        evidence[:, 2:] = masks.appearance(maps[:, 4])
        agree = np.abs(all_lengths(points) / all_lengths(heads) - 1).max(axis=1) < _AGREEMENT
        points = mean_ellipse(points, heads, np.where(agree, _HEAD_SHARE, 1.0))
    return points, evidence


def locate_coordinates(fractions: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Landmarks, as of `locate`, of a network that gives coordinates as (N, 4, 2) fractions of the frame."""
    return canonical(resize_points(fractions.astype(float) - 0.5, (1, 1), np.asarray(sizes)[:, None]))


def average_reflections(draw, images: np.ndarray) -> np.ndarray:
    """Maps of images, averaged over their four reflections.

    A head that the network finds in different places of the same image leaves low peaks.

    Parameters
    ----------
    draw : callable
        From (N, S, S) images to (N, 4 or 5, H, H) maps.
    images : ndarray of shape (N, S, S)

    Returns
    -------
    ndarray of the maps' shape

    Notes
    -----
    Across x the left and the right end of the OFD change places, across y the upper and the lower of the BPD.
    """
    total = 0.0
    for across_y in (False, True):
        for across_x in (False, True):
            axes = (-2,) * across_y + (-1,) * across_x
            maps = np.flip(draw(np.ascontiguousarray(np.flip(images, axes))), axes)
            order = [*((1, 0) if across_x else (0, 1)), *((3, 2) if across_y else (2, 3)), *range(4, maps.shape[1])]
            total = total + maps[:, order] / 4
    return total
