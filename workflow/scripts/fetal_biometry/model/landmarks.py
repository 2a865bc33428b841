"""The canonical form of a head's four landmarks, whose names and order stand in `terms`."""

import numpy as np


def canonical(points: np.ndarray) -> np.ndarray:
    """Put each diameter's two ends into display order.

    Parameters
    ----------
    points : ndarray of shape (..., 4, 2)
        ``(x, y)`` of the two OFD ends, then of the two BPD ends, ends of a diameter in any order.

    Returns
    -------
    ndarray of shape (..., 4, 2)
        ``ofd_1`` left of ``ofd_2`` and ``bpd_1`` above ``bpd_2``; the other coordinate decides ties.
        The order is one by position in the image, so it must be derived anew after every flip or rotation.
    """
    points = np.asarray(points, dtype=float)
    pairs = points.reshape(*points.shape[:-2], 2, 2, 2)
    major = np.stack([pairs[..., 0, :, 0], pairs[..., 1, :, 1]], axis=-2)
    minor = np.stack([pairs[..., 0, :, 1], pairs[..., 1, :, 0]], axis=-2)
    first, second = major[..., 0], major[..., 1]
    reverse = (first > second) | ((first == second) & (minor[..., 0] > minor[..., 1]))
    return np.where(reverse[..., None, None], pairs[..., ::-1, :], pairs).reshape(points.shape)
