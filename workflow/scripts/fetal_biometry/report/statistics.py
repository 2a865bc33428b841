"""Every figure an evaluation prints, for any experiment, in one place."""

import itertools
import math
from statistics import NormalDist

import numpy as np
import pandas as pd

from fetal_biometry.model.geometry import LENGTHS, resize_points

BANDS = {"hc_under_120": (0, 120), "hc_120_200": (120, 200), "hc_over_200": (200, np.inf)}
"""Bands of reference HC in mm, roughly the three trimesters."""

SAME_PLANE = 0.1  # of a length; repeats further apart show another plane, whose change drowns the noise
FEWEST_REPEATS = 20  # pairs; of fewer the noise cannot be told
DRAWS = 2000  # bootstrap samples; the interval's ends then move by less than a twentieth of its width


def in_bands(hc_mm: np.ndarray) -> dict[str, np.ndarray]:
    """Which of N heads lie in each of `BANDS`, (N,) bool by its name; one of unknown HC in none."""
    return {band: (hc_mm >= low) & (hc_mm < high) for band, (low, high) in BANDS.items()}


def band_names(hc_mm: np.ndarray) -> np.ndarray:
    """The name of each head's band, (N,); empty where HC is unknown."""
    bands = in_bands(hc_mm)
    return np.select(list(bands.values()), list(bands), "")


def bootstrap_interval(values, examinations, level: float = 0.95) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean, drawing whole examinations.

    Images of one examination resemble each other, so drawing images would promise too much.

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
    means = _drawn_means(values, np.ones((1, len(values)), dtype=bool), examinations)[:, 0]
    return _ends(means, level)


def limits_interval(differences: np.ndarray, examinations) -> np.ndarray:
    """95 % bootstrap intervals of the limits of agreement, drawing whole examinations, (2, 2): of the lower, the upper.

    NaN for fewer than two examinations.
    """
    if len(set(examinations)) < 2:
        return np.full((2, 2), np.nan)
    everyone, n = np.ones((1, len(differences)), dtype=bool), len(differences)
    means, squares = (_drawn_means(values, everyone, examinations)[:, 0] for values in (differences, differences**2))
    spreads = 1.96 * np.sqrt(np.maximum(squares - means**2, 0) * n / (n - 1))
    return np.array([_ends(means - spreads), _ends(means + spreads)])


def share_interval(count: int, n: int) -> tuple[float, float]:
    """95 % interval of a share that may be 0, as if images were independent (Wilson, J Am Stat Assoc 1927).

    A bootstrap of a share of 0 would say that it is certain.

    Examples
    --------
    >>> [round(end, 3) for end in share_interval(0, 164)], [round(end, 3) for end in share_interval(1, 164)]
    ([0.0, 0.023], [0.001, 0.034])
    """
    z, share = NormalDist().inv_cdf(0.975), count / n
    middle, half = share + z**2 / (2 * n), z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = ((middle + side * half) / (1 + z**2 / n) for side in (-1, 1))
    return max(low, 0.0), min(high, 1.0)


def _drawn_means(values, groups, examinations) -> np.ndarray:
    """Means of the values in each of G groups, (G, N) bool, over bootstrap samples of whole examinations: (DRAWS, G).

    NaN where a sample has none of a group.
    """
    _, place = np.unique(np.asarray(examinations, dtype=str), return_inverse=True)
    number = place.max() + 1
    sums, counts = (np.stack([np.bincount(place, w, number) for w in ws], 1) for ws in (groups * values, groups * 1.0))
    draws = np.random.default_rng(0).multinomial(number, np.full(number, 1 / number), DRAWS)
    with np.errstate(invalid="ignore"):
        return (draws @ sums) / (draws @ counts)


def _ends(drawn: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    low, high = np.nanpercentile(drawn, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)


def length_errors(predicted, reference, constant, examinations, interval=None, flagged=None) -> dict:
    """Errors of one length.

    Parameters
    ----------
    predicted, reference, constant : ndarray of shape (N,)
        Lengths by the model, by the reference, and by the constant mean landmark, in one unit.
    examinations : sequence of str
        The examination of each image, by which the intervals of ``mae``, ``bias`` and ``coverage`` are drawn.
    interval : ndarray of shape (N, 2), optional
        Ends of the predicted interval.
    flagged : ndarray of shape (N,), optional
        Which images carry a flag that sends them to a person.

    Returns
    -------
    dict
        ``n, mae, mae_low, mae_high`` (95 % bootstrap interval), ``median, p95, bias, bias_low, bias_high, loa_low,
        loa_high`` (bias -+ 1.96 standard deviations of the differences,
        Bland and Altman, Lancet 1986; None for one image), ``relative_loa_low, relative_loa_high`` (the same of the
        differences as shares of the reference; each has an interval of its own, ``relative_loa_low_low,
        relative_loa_low_high`` and so on), ``over_10_percent`` (share), ``unflagged_over_10_percent`` (share of all
        images that are off by as much and carry no flag), both with ``_low`` and ``_high``, see `share_interval`,
        ``constant_mae``, ``coverage`` (share of references inside the interval, None without one), ``coverage_low,
        coverage_high``.
    """
    difference = predicted - reference
    absolute = np.abs(difference)
    far_off = absolute > 0.1 * reference
    bias = float(difference.mean())
    relative = difference / reference
    loa, relative_loa = _limits_of_agreement(difference), _limits_of_agreement(relative)
    mae_low, mae_high = bootstrap_interval(absolute, examinations)
    bias_low, bias_high = bootstrap_interval(difference, examinations)
    relative_ends = limits_interval(relative, examinations)
    coverage = coverage_low = coverage_high = None
    if interval is not None and np.isfinite(interval).all():
        inside = ((reference >= interval[:, 0]) & (reference <= interval[:, 1])).astype(float)
        coverage, (coverage_low, coverage_high) = float(inside.mean()), bootstrap_interval(inside, examinations)
    return {
        "n": len(difference),
        "mae": float(absolute.mean()),
        "mae_low": mae_low,
        "mae_high": mae_high,
        "median": float(np.median(absolute)),
        "p95": float(np.percentile(absolute, 95)),
        "bias": bias,
        "bias_low": bias_low,
        "bias_high": bias_high,
        "loa_low": loa[0],
        "loa_high": loa[1],
        "relative_loa_low": relative_loa[0],
        "relative_loa_high": relative_loa[1],
        **{f"relative_loa_{end}": value for end, value in _named_ends(relative_ends).items()},
        **_rare("over_10_percent", far_off),
        **_rare("unflagged_over_10_percent", None if flagged is None else far_off & ~flagged),
        "constant_mae": float(np.abs(constant - reference).mean()),
        "coverage": coverage,
        "coverage_low": coverage_low,
        "coverage_high": coverage_high,
    }


def _named_ends(ends: np.ndarray) -> dict:
    names = itertools.product(("low", "high"), repeat=2)
    values = (float(end) if np.isfinite(end) else None for end in ends.ravel())
    return {f"{limit}_{end}": value for (limit, end), value in zip(names, values, strict=True)}


def _rare(name: str, where: np.ndarray | None) -> dict:
    if where is None:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"))
    low, high = share_interval(int(where.sum()), len(where))
    return {name: float(where.mean()), f"{name}_low": low, f"{name}_high": high}


def _limits_of_agreement(differences: np.ndarray) -> tuple[float | None, float | None]:
    if len(differences) < 2:
        return None, None
    mean, spread = float(differences.mean()), 1.96 * float(differences.std(ddof=1))
    return mean - spread, mean + spread


class Repeats:
    """How far a model's and the reference's measurements of one head scatter, told from repeats in one examination.

    Two images of an examination show one head in planes not quite alike. What model and reference both say of the
    change is the planes'; what one says alone is its noise. With p and r the two differences of a pair's lengths,
    ``mean(p (p - r)) / 2`` and ``mean(r (r - p)) / 2`` are the variances of their noise (Grubbs, J Am Stat Assoc
    1948, for two instruments), which add up to that of the error.

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
        """``pairs``, and as shares of the length the standard deviations of ``model`` and ``reference``.

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
        """The mean absolute error of a model without error, for the noise of the reference that it is held against.

        ``floor``, ``floor_low`` and ``floor_high``, in the lengths' unit. Of normal noise with a standard deviation s
        the mean absolute value is ``s * sqrt(2 / pi)``. Empty where a group that is judged has fewer than
        `FEWEST_REPEATS` pairs.

        Parameters
        ----------
        mixture : list of (ndarray of shape (N,), float)
            Groups of images, such as bands of HC, and how many of each are judged; large heads' noise says little of
            small ones'.
        """
        p, r = (lengths[self.pairs] @ [1, -1] for lengths in (self.predicted, self.reference))
        groups = np.array([inside[self.pairs[:, 0]] for inside, judged in mixture if judged])
        if not len(groups) or (groups.sum(axis=1) < FEWEST_REPEATS).any():
            return {}
        weights, variances = np.array([judged for _, judged in mixture if judged]), r * (r - p) / 2

        def mean_error(variances_of_groups: np.ndarray) -> np.ndarray:
            deviations = np.sqrt(np.maximum(variances_of_groups, 0))
            return math.sqrt(2 / math.pi) * np.average(deviations, axis=-1, weights=weights)

        low, high = _ends(mean_error(_drawn_means(variances, groups, self.names)))
        found = float(mean_error(np.array([variances[chosen].mean() for chosen in groups])))
        return {"floor": found, "floor_low": low, "floor_high": high}

    def _spread(self, variances: np.ndarray) -> dict:
        """Standard deviation of pairs' mean variance and, ``_low`` and ``_high``, the ends of its interval."""
        found = variances.mean(), *bootstrap_interval(variances, self.names)
        return {end: math.sqrt(max(v, 0.0)) for end, v in zip(("", "_low", "_high"), found, strict=True)}


def endpoint_errors(predicted, reference, per_px, examinations, any_order: bool) -> dict:
    """Distances between predicted and reference ends of each diameter.

    Parameters
    ----------
    predicted, reference : ndarray of shape (N, 4, 2)
        Original pixels.
    per_px : ndarray of shape (N,)
        Unit of report per pixel.
    examinations : sequence of str
        By which the interval of ``nme`` is drawn.
    any_order : bool
        Match the two ends of a diameter the better way round, as only the diameter has a meaning.

    Returns
    -------
    dict
        For ``bpd`` and ``ofd``: ``mean`` distance, its ``radial`` part along the reference diameter and
        ``tangential`` part across it (mean absolute values), and ``nme``, the mean distance over the length, with its
        95 % bootstrap interval, ``nme_low`` and ``nme_high``.
    """
    results = {}
    for name, ends in (("bpd", slice(2, 4)), ("ofd", slice(0, 2))):
        found, truth = predicted[:, ends], reference[:, ends]
        if any_order:
            straight = np.linalg.norm(found - truth, axis=2).sum(axis=1)
            crossed = np.linalg.norm(found[:, ::-1] - truth, axis=2).sum(axis=1)
            found = np.where((crossed < straight)[:, None, None], found[:, ::-1], found)
        offset = found - truth
        along = truth[:, 1] - truth[:, 0]
        length = np.linalg.norm(along, axis=1)
        along = along / length[:, None]
        across = np.stack([-along[:, 1], along[:, 0]], axis=1)
        distance = np.linalg.norm(offset, axis=2)
        normalised = distance.mean(axis=1) / length
        low, high = bootstrap_interval(normalised, examinations)
        results[name] = {
            "mean": float((distance * per_px[:, None]).mean()),
            "radial": float((np.abs((offset * along[:, None]).sum(axis=2)) * per_px[:, None]).mean()),
            "tangential": float((np.abs((offset * across[:, None]).sum(axis=2)) * per_px[:, None]).mean()),
            "nme": float(normalised.mean()),
            "nme_low": low,
            "nme_high": high,
        }
    return results


def trivial_loss(settings: dict) -> tuple[str, float]:
    """What a network that has learned nothing pays, as a name and a value.

    All-zero heatmaps cost a mean square of ``pi * sigma**2 / (H * W)``; uniform ones a cross-entropy of
    ``log(H * W)``.
    """
    cells = settings["image_size"] // settings["stride"]
    sigma = settings["sigma_px"] / settings["stride"]
    if settings["loss"] == "mse":
        return "all-zero heatmaps", float(np.pi * sigma**2 / cells**2)
    return "uniform heatmaps", float(np.log(cells**2))


def mean_landmarks(points: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The constant that knows nothing of an image: mean landmarks in fractions of the frame, (4, 2)."""
    return resize_points(points, np.asarray(sizes)[:, None], (1, 1)).mean(axis=0)


def evaluate_group(lengths, points, per_px, examinations, intervals=None, reference_hc=None, flagged=None) -> dict:
    """All figures for one group of images, see `length_errors` and `endpoint_errors`.

    Parameters
    ----------
    lengths : tuple of three ndarray of shape (N, 3)
        BPD, OFD and HC by the model, by the reference and by the constant, in the unit of report.
    points : tuple of two ndarray of shape (N, 4, 2)
        Landmarks by the model and by the reference, original pixels.
    per_px : ndarray of shape (N,)
        Unit of report per pixel.
    examinations : sequence of str
    intervals : ndarray of shape (N, 3, 2), optional
        Of the model's lengths.
    reference_hc : ndarray of shape (N,), optional
        HC stated by the dataset in the unit of report, NaN where it states none.
    flagged : ndarray of shape (N,), optional
        Which images carry a flag.
    """
    examinations = np.asarray(examinations, dtype=str)
    group = {"n": len(per_px), "examinations": len(set(examinations))}
    for column, name in enumerate(LENGTHS):
        interval = None if intervals is None else intervals[:, column]
        group[name] = length_errors(*(length[:, column] for length in lengths), examinations, interval, flagged)
    if reference_hc is not None and (stated := np.isfinite(reference_hc)).any():
        predicted, _, constant = (length[stated, 2] for length in lengths)
        interval = None if intervals is None else intervals[stated, 2]
        warned = None if flagged is None else flagged[stated]
        group["hc_reference"] = length_errors(
            predicted, reference_hc[stated], constant, examinations[stated], interval, warned
        )
    group["endpoint"] = endpoint_errors(*points, per_px, examinations, any_order=True)
    group["endpoint_fixed_order"] = endpoint_errors(*points, per_px, examinations, any_order=False)
    return group
