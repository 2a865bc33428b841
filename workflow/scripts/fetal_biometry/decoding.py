"""From what a network draws to landmarks in original pixels."""

import numpy as np

from fetal_biometry import heatmaps, masks
from fetal_biometry.geometry import mean_ellipse, resize_points
from fetal_biometry.landmarks import canonical


def locate(maps: np.ndarray, sizes: np.ndarray, decoder: str, sigma_cells: float) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks of images whose maps a network drew.

    Parameters
    ----------
    maps : ndarray of shape (N, 4 or 5, H, H)
        Four heatmaps, and the filled head where the network draws it.
    sizes : ndarray of shape (N, 2)
        Width and height of the original images.
    decoder : str
        One of `heatmaps.decode`, or ``fused``: the mean of the ellipse that the ``paired`` landmarks span and of
        the one around the filled head. Where no head is drawn the landmarks stand alone.
    sigma_cells : float
        Standard deviation of the heatmaps' Gaussians in cells.

    Returns
    -------
    points : ndarray of shape (N, 4, 2)
        In original pixels and canonical order.
    confidence : ndarray of shape (N,)
        Of the heatmaps, 0 to 1.
    """
    sizes, cells = np.asarray(sizes), maps.shape[-1]
    points, confidence = heatmaps.decode(maps[:, :4], "paired" if decoder == "fused" else decoder, sigma_cells)
    points = canonical(resize_points(points, (cells, cells), sizes[:, None]))
    if decoder == "fused":
        heads = masks.decode(maps[:, 4], sizes)
        points = mean_ellipse(points, np.where(np.isfinite(heads), heads, points))
    return points, confidence


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
