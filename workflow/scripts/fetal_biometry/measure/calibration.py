"""Lengths without bias, and intervals that hold as often as they say, from images that taught the network nothing."""

import math
from dataclasses import dataclass

import numpy as np

from fetal_biometry.model.detection import EVIDENCE
from fetal_biometry.model.geometry import LENGTHS, all_lengths
from fetal_biometry.report.statistics import in_bands

_FEWEST = 20  # calibration images of a band of HC from which it may have a quantile of its own
_FAINTEST = 0.01  # share of calibration heads that may be drawn more faintly, or with less confidence, than is usual
_PRIOR = 50  # calibration images that the belief weighs that no evidence matters, and no length is biased


def conformal_quantile(errors: np.ndarray, level: float, assurance: float = 0.0) -> float:
    """The split-conformal quantile of calibration errors.

    The ``ceil((n + 1) * level)``-th smallest of n errors: the next exchangeable error lies within it with
    probability at least `level` (Vovk et al., Algorithmic Learning in a Random World, 2005), on average over the
    errors that calibrate. With an `assurance` it is the first one that holds a share `level` of all errors to come
    with that probability, whichever errors calibrate: a tolerance limit (Wilks, Ann Math Stat 1941; for conformal
    prediction Vovk, ACML 2012). Infinite when n is too small to promise that.

    Examples
    --------
    >>> conformal_quantile(np.arange(1.0, 20.0), 0.9), conformal_quantile(np.arange(1.0, 101.0), 0.9, 0.9)
    (18.0, 95.0)
    """
    errors = np.sort(np.asarray(errors, dtype=float))
    n, rank = len(errors), math.ceil((len(errors) + 1) * level)
    if assurance:  # P(the rank-th holds at least `level`) = P(fewer than rank of n errors lie below the true quantile)
        logs = [math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in range(n + 1)]
        below = np.arange(n + 1)
        chances = np.exp(np.array(logs) + below * math.log(level) + (n - below) * math.log1p(-level))
        rank = max(rank, 1 + int(np.searchsorted(np.cumsum(chances), assurance)))
    return float(errors[rank - 1]) if rank <= n else float("inf")


def learn_correction(points: np.ndarray, references: np.ndarray) -> tuple[float, float]:
    """How much longer diameters are than a network finds them in images that it has not seen.

    The median of the ratio, drawn towards 1 where images are few. On HC18 a network of the recipe finds unseen heads
    0.2 % too small, those that taught it not.

    Parameters
    ----------
    points, references : ndarray of shape (M, 4, 2)
        Found and labelled landmarks, original pixels.

    Returns
    -------
    ofd, bpd : float
        For `geometry.stretch_diameters`.

    Examples
    --------
    >>> found = np.array([[[0.0, 5.0], [10.0, 5.0], [5.0, 0.0], [5.0, 10.0]]] * 450)
    >>> [round(factor, 3) for factor in learn_correction(found, found * 1.01)]
    [1.009, 1.009]
    """
    if not len(points):
        return 1.0, 1.0
    ratios = np.median(all_lengths(references) / np.maximum(all_lengths(points), 1e-9), axis=0)
    bpd, ofd, _ = ratios ** (len(points) / (len(points) + _PRIOR))
    return float(ofd), float(bpd)


@dataclass
class Judged:
    """Images with known lengths that a network measured which they taught nothing.

    ``lengths`` and ``references`` (M, 3) are predicted and true BPD, OFD and HC, in one unit with each other;
    ``evidence`` (M, 5) that of `decoding.find_heads`, of which columns that are not finite for every image are left
    out; ``hc_mm`` (M,) the predicted HC, NaN where the pixel size is unknown.
    """

    lengths: np.ndarray
    references: np.ndarray
    evidence: np.ndarray
    hc_mm: np.ndarray

    def errors(self) -> np.ndarray:
        """Relative errors, (M, 3)."""
        lengths = np.asarray(self.lengths, dtype=float).reshape(-1, 3)
        return np.abs(lengths - self.references) / np.maximum(lengths, 1e-9)


def calibrate(judged: Judged, level: float, assurance: float = 0.0, rehearsal: Judged | None = None) -> dict:
    """What `intervals` needs to know, learned from images that taught the network nothing.

    The relative error of a length is expected to grow with the evidence against it, by a ridge regression of its
    logarithm; the conformal quantile of error over expectation, by band of predicted HC (Mondrian) where enough
    images calibrate it, makes the intervals hold (Lei et al., J Am Stat Assoc 2018, on locally weighted ones).

    Parameters
    ----------
    judged : Judged
        By the network whose intervals these are.
    level : float
        Coverage, such as 0.9.
    assurance : float
        How sure that coverage is, see `conformal_quantile`; 0 for the average over calibrations.
    rehearsal : Judged, optional
        By other networks of the same kind, of more images. Expectation and bands are then learned from these, and
        one quantile of `judged`, of error over what they let expect, turns them into the network's own.

    Returns
    -------
    dict
        Plain numbers and lists, fit for JSON.
    """
    lessons = rehearsal if rehearsal is not None and len(rehearsal.lengths) else judged
    sure = assurance if lessons is judged else 0.0
    learned = {"level": level, "assurance": assurance, "images": len(judged.lengths)}
    learned |= _expect_errors(lessons, level, sure) | faintest_head(judged.evidence)
    if lessons is judged:
        return learned
    unscaled = np.ones_like(judged.errors()), judged.evidence, judged.hc_mm
    expected = intervals(learned, *unscaled)[..., 1] - 1
    for length, scores in zip(LENGTHS, (judged.errors() / expected).T, strict=True):
        scale = conformal_quantile(scores, level, assurance)
        quantiles = learned[length]["quantiles"]
        learned[length]["quantiles"] = {band: scale * q for band, q in quantiles.items() if np.isfinite(scale)}
    return learned


def faintest_head(evidence: np.ndarray) -> dict:
    """``least_height`` and ``least_confidence`` of all but the faintest hundredth of heads that a network has not seen.

    Some networks draw every head up to 1, others do not; heatmaps of a short training are broad. Neither is known
    where there is no head, or a decoder reads none. Of few heads a hundredth is the lowest one, below which many more
    may lie; a height is unusual only if it is four standard deviations below the median, too, by median deviations.
    """
    heads = evidence[:, [EVIDENCE.index("height"), EVIDENCE.index("confidence")]]
    if not len(heads) or not np.isfinite(heads).all():
        return {}
    height, confidence = np.quantile(heads, _FAINTEST, axis=0)
    middle = np.median(heads[:, 0])
    unusual = middle - 4 * 1.4826 * np.median(np.abs(heads[:, 0] - middle))
    return {"least_height": float(min(height, unusual)), "least_confidence": float(confidence)}


def _expect_errors(judged: Judged, level: float, assurance: float) -> dict:
    """How errors grow with the evidence, and the quantile by band of error over what the evidence lets expect."""
    nothing, errors, doubts = [0.0] * len(EVIDENCE), judged.errors(), _doubts(judged.evidence)
    if not len(errors):
        unknown = {length: {"slopes": nothing, "quantiles": {}} for length in LENGTHS}
        return {"centre": nothing, "spread": [1.0] * len(EVIDENCE)} | unknown
    used = np.isfinite(doubts).all(axis=0)
    centre = np.where(used, doubts.mean(axis=0), 0.0)
    spread = np.where(used, doubts.std(axis=0) + 1e-9, 1.0)
    learned = {"centre": centre.tolist(), "spread": spread.tolist()}
    standard = np.where(used, (doubts - centre) / spread, 0.0)
    precision = standard.T @ standard + _PRIOR * np.eye(len(EVIDENCE))
    bands = {"all": np.ones(len(errors), dtype=bool)} | in_bands(judged.hc_mm)
    for length, error in zip(LENGTHS, errors.T, strict=True):
        tamed = np.log(error + np.median(error) / 4 + 1e-9)  # so that errors of next to nothing have little say
        slopes = np.linalg.solve(precision, standard.T @ (tamed - tamed.mean()))
        scores = error / np.exp(standard @ slopes)
        quantiles = {
            band: conformal_quantile(scores[inside], level, assurance)
            for band, inside in bands.items()
            if band == "all" or inside.sum() >= _FEWEST
        }
        learned[length] = {
            "slopes": slopes.tolist(),
            "quantiles": {band: share for band, share in quantiles.items() if np.isfinite(share)},
        }
    return learned


def intervals(calibration: dict, lengths: np.ndarray, evidence: np.ndarray, hc_mm: np.ndarray) -> np.ndarray:
    """Intervals around predicted lengths.

    Parameters
    ----------
    calibration : dict
        Of `calibrate`.
    lengths : ndarray of shape (N, 3)
        Predicted BPD, OFD and HC, in any unit.
    evidence, hc_mm
        As of `Judged`.

    Returns
    -------
    ndarray of shape (N, 3, 2)
        Low and high ends; NaN where calibration images were too few.
    """
    doubts = (_doubts(evidence) - calibration["centre"]) / np.array(calibration["spread"])
    doubts = np.where(np.isfinite(doubts), doubts, 0.0)
    shares = []
    for length in LENGTHS:
        quantiles = calibration[length]["quantiles"]
        quantile = np.full(len(lengths), quantiles.get("all", np.nan))
        for band, inside in in_bands(hc_mm).items():
            quantile[inside] = quantiles.get(band, quantiles.get("all", np.nan))
        shares.append(quantile * np.exp(doubts @ np.array(calibration[length]["slopes"])))
    share = np.stack(shares, axis=1)
    return np.stack([lengths * np.maximum(1 - share, 0), lengths * (1 + share)], axis=-1)


def _doubts(evidence: np.ndarray) -> np.ndarray:
    """Evidence turned so that more of it is worse and a step counts alike everywhere, (N, 5)."""
    confidence, disagreement, height, blur, drift = np.asarray(evidence, dtype=float).reshape(-1, len(EVIDENCE)).T
    with np.errstate(invalid="ignore"):
        distances = [np.maximum(distance, 0.005) for distance in (disagreement, drift)]
        columns = [1.02 - confidence, 1.02 - height, np.maximum(blur, 1e-3), *distances]
        return np.log(np.stack(columns, axis=1))
