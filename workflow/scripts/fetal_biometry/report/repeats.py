"""The noise of a model and of its reference, from repeated images of one head."""

import itertools
import math

import numpy as np
import pandas as pd

from fetal_biometry.report.bootstrap import bootstrap_interval, drawn_means, ends_of

SAME_PLANE = 0.1  # of a length; repeats further apart show another plane, whose change drowns the noise
FEWEST_REPEATS = 20  # pairs; of fewer the noise cannot be told


class Repeats:
    """Repeated measurements of one head, by a model and by its reference, from which each one's noise follows.

    Two images of an examination show one head in slightly different planes. A change that both measurements share is
    the plane's; a change in one of them alone is its noise. With p and r the two differences of a pair's lengths,
    ``mean(p (p - r)) / 2`` and ``mean(r (r - p)) / 2`` are the variances of the noise (Grubbs, J Am Stat Assoc 1948,
    for two instruments). They add up to the variance of the error.

    Parameters
    ----------
    predicted, reference : ndarray of shape (N,)
        One length, in one unit.
    examinations : sequence of str
    """

    def __init__(self, predicted, reference, examinations):
        names = pd.Series(np.asarray(examinations, dtype=str))
        pairs = [pair for rows in names.groupby(names).indices.values() for pair in itertools.combinations(rows, 2)]
        pairs = np.array(pairs, dtype=int).reshape(-1, 2)
        change = np.abs(np.log(predicted * reference)[pairs] @ [1, -1]) / 2
        self.pairs = pairs[change < SAME_PLANE]
        self.predicted, self.reference, self.names = predicted, reference, names[self.pairs[:, 0]]

    def noise(self) -> dict:
        """The number of ``pairs`` and the noise of ``model`` and ``reference``: SD as a share of the length.

        With the ends of their 95 % bootstrap intervals, ``model_low`` and so on. Empty where fewer than
        `FEWEST_REPEATS` pairs differ by less than `SAME_PLANE`.
        """
        if len(self.pairs) < FEWEST_REPEATS:
            return {}
        p, r = (np.log(lengths)[self.pairs] @ [1, -1] for lengths in (self.predicted, self.reference))
        noise = {"model": self._spread(p * (p - r) / 2), "reference": self._spread(r * (r - p) / 2)}
        ends = {f"{name}{end}": sd for name, spread in noise.items() for end, sd in spread.items()}
        return {"pairs": len(self.pairs), **ends}

    def floor(self, mixture: list[tuple[np.ndarray, float]]) -> dict:
        """The mean absolute error of a perfect model, from the reference's noise.

        ``floor``, ``floor_low`` and ``floor_high``, in the lengths' unit. Normal noise with a standard deviation s has
        a mean absolute value of ``s * sqrt(2 / pi)``. Empty where a group has fewer than `FEWEST_REPEATS` pairs.

        Parameters
        ----------
        mixture : list of (ndarray of shape (N,), float)
            Groups of images, such as head-size bands, and how many judged images each has: noise grows with the head.
        """
        p, r = (lengths[self.pairs] @ [1, -1] for lengths in (self.predicted, self.reference))
        groups = np.array([inside[self.pairs[:, 0]] for inside, judged in mixture if judged])
        if not len(groups) or (groups.sum(axis=1) < FEWEST_REPEATS).any():
            return {}
        weights, variances = np.array([judged for _, judged in mixture if judged]), r * (r - p) / 2

        def mean_error(variances_of_groups: np.ndarray) -> np.ndarray:
            deviations = np.sqrt(np.maximum(variances_of_groups, 0))
            return math.sqrt(2 / math.pi) * np.average(deviations, axis=-1, weights=weights)

        low, high = ends_of(mean_error(drawn_means(variances, groups, self.names)))
        found = float(mean_error(np.array([variances[chosen].mean() for chosen in groups])))
        return {"floor": found, "floor_low": low, "floor_high": high}

    def _spread(self, variances: np.ndarray) -> dict:
        """Standard deviation from the pairs' mean variance, with the ends of its interval."""
        found = variances.mean(), *bootstrap_interval(variances, self.names)
        return {end: math.sqrt(max(v, 0.0)) for end, v in zip(("", "_low", "_high"), found, strict=True)}
