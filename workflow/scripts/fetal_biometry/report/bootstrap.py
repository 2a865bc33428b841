"""95 % intervals of means, limits of agreement and shares. Bootstraps draw whole examinations."""

import math
from statistics import NormalDist

import numpy as np

LEVEL = 0.95
DRAWS = 2000  # bootstrap samples; the interval's ends then move by less than a twentieth of its width


def bootstrap_interval(values, examinations) -> tuple[float, float]:
    """95 % percentile bootstrap interval of a mean, drawing whole examinations.

    Images of one examination resemble each other, so drawing single images would give too narrow an interval.

    Parameters
    ----------
    values : ndarray of shape (N,)
    examinations : sequence of str
        The examination of each value.

    Examples
    --------
    >>> low, high = bootstrap_interval(np.arange(100.0), list(range(100)))
    >>> bool(low < 49.5 < high)
    True
    """
    return ends_of(drawn_means(values, np.ones((1, len(values)), dtype=bool), examinations)[:, 0])


def limits_interval(differences: np.ndarray, examinations) -> np.ndarray:
    """95 % bootstrap intervals of the lower and of the upper limit of agreement, drawing whole examinations, (2, 2).

    NaN for fewer than two examinations.
    """
    if len(set(examinations)) < 2:
        return np.full((2, 2), np.nan)
    everyone, n = np.ones((1, len(differences)), dtype=bool), len(differences)
    means, squares = (drawn_means(values, everyone, examinations)[:, 0] for values in (differences, differences**2))
    spreads = 1.96 * np.sqrt(np.maximum(squares - means**2, 0) * n / (n - 1))
    return np.array([ends_of(means - spreads), ends_of(means + spreads)])


def share_interval(count: int, n: int) -> tuple[float, float]:
    """95 % interval of a share that may be 0, for independent images (Wilson, J Am Stat Assoc 1927).

    The bootstrap interval of a share of 0 would have no width.

    Examples
    --------
    >>> [round(end, 3) for end in share_interval(0, 164)], [round(end, 3) for end in share_interval(1, 164)]
    ([0.0, 0.023], [0.001, 0.034])
    """
    z, share = NormalDist().inv_cdf(0.975), count / n
    middle, half = share + z**2 / (2 * n), z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = ((middle + side * half) / (1 + z**2 / n) for side in (-1, 1))
    return max(low, 0.0), min(high, 1.0)


def drawn_means(values, groups, examinations) -> np.ndarray:
    """Means of the values in each of G groups over bootstrap samples of whole examinations, (DRAWS, G).

    ``groups`` is (G, N) bool. NaN where a sample has no image of a group.
    """
    _, place = np.unique(np.asarray(examinations, dtype=str), return_inverse=True)
    number = place.max() + 1
    sums, counts = (np.stack([np.bincount(place, w, number) for w in ws], 1) for ws in (groups * values, groups * 1.0))
    draws = np.random.default_rng(0).multinomial(number, np.full(number, 1 / number), DRAWS)
    with np.errstate(invalid="ignore"):
        return (draws @ sums) / (draws @ counts)


def ends_of(drawn: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval of drawn values."""
    low, high = np.nanpercentile(drawn, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return float(low), float(high)
