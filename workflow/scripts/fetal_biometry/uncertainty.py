"""Intervals that hold as often as they say, from errors on images that taught the network nothing."""

import numpy as np


def conformal_quantile(errors: np.ndarray, level: float) -> float:
    """The split-conformal quantile of calibration errors.

    The ``ceil((n + 1) * level)``-th smallest of n errors: the next exchangeable error lies within it with
    probability at least `level` (Vovk et al., Algorithmic Learning in a Random World, 2005). Infinite when n
    is too small to promise that.

    Examples
    --------
    >>> conformal_quantile(np.arange(1.0, 20.0), 0.9)
    18.0
    """
    errors = np.sort(np.asarray(errors, dtype=float))
    rank = int(np.ceil((len(errors) + 1) * level))
    return float(errors[rank - 1]) if rank <= len(errors) else float("inf")


def relative_intervals(
    lengths: np.ndarray, calibration: np.ndarray, references: np.ndarray, level: float
) -> np.ndarray:
    """Intervals around predicted lengths, in proportion to them.

    Parameters
    ----------
    lengths : ndarray of shape (N, 3)
        Predicted BPD, OFD and HC.
    calibration, references : ndarray of shape (M, 3)
        Predicted and true lengths of calibration images, in one unit with each other.
    level : float
        Coverage, such as 0.9.

    Returns
    -------
    ndarray of shape (N, 3, 2)
        Low and high ends; NaN where calibration images are too few.
    """
    errors = np.abs(calibration - references) / np.maximum(calibration, 1e-9)
    share = np.array([conformal_quantile(column, level) for column in errors.T.reshape(3, -1)])
    share = np.where(np.isfinite(share), share, np.nan)
    return np.stack([lengths * np.maximum(1 - share, 0), lengths * (1 + share)], axis=-1)
