"""The four landmarks of a fetal head, their names, their order and its canonical form."""

import numpy as np

LANDMARKS = ("ofd_1", "ofd_2", "bpd_1", "bpd_2")
COLUMNS = tuple(f"{landmark}_{axis}" for landmark in LANDMARKS for axis in "xy")
REFERENCE_COLUMNS = tuple(f"reference_{column}" for column in COLUMNS)


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


def swap_names(points: np.ndarray) -> np.ndarray:
    """Exchange the two diameters of ``(..., 4, 2)`` points, for a table that calls the long axis BPD."""
    return np.asarray(points, dtype=float)[..., [2, 3, 0, 1], :]
