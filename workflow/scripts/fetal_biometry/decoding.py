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
