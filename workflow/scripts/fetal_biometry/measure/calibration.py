"""Lengths without bias, and intervals that hold as often as they say, from images that a network has not seen."""

import math

import numpy as np
import pandas as pd

from fetal_biometry.frames import points_of
from fetal_biometry.measure.head_size import in_bands
from fetal_biometry.measure.lengths import reported_lengths
from fetal_biometry.model.detection import QUALITY
from fetal_biometry.model.geometry import UNSCALED, all_lengths, scale_diameters
from fetal_biometry.terms import LENGTHS, Calliper

_FEWEST = 20  # calibration images of a band of HC from which it may have a quantile of its own
_LEAST_SURE = 0.01  # share of calibration heads that may be found with less confidence than is usual
_PRIOR = 50  # calibration images that weigh as much as the belief that no feature matters and no length is biased


def conformal_quantile(errors: np.ndarray, level: float) -> float:
    """The split-conformal quantile of calibration errors.

    The ``ceil((n + 1) * level)``-th smallest of n errors: the next exchangeable error lies within it with
    probability at least `level` (Vovk et al., Algorithmic Learning in a Random World, 2005). Infinite when n is too
    small to promise that.

    Examples
    --------
    >>> conformal_quantile(np.arange(1.0, 20.0), 0.9)
    18.0
    """
    errors = np.sort(np.asarray(errors, dtype=float))
    rank = math.ceil((len(errors) + 1) * level)
    return float(errors[rank - 1]) if rank <= len(errors) else float("inf")


def learn_correction(points: np.ndarray, references: np.ndarray) -> tuple[float, float]:
    """How much longer diameters are than a network finds them in images that it has not seen.

    The median of the ratio, drawn towards 1 where images are few. On HC18 unseen heads are underestimated by 0.2 %,
    heads of the training not.

    Parameters
    ----------
    points, references : ndarray of shape (M, 4, 2)
        Found and labelled landmarks, original pixels.

    Returns
    -------
    ofd, bpd : float
        For `geometry.scale_diameters`.

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


def calibrate(
    lengths: np.ndarray, references: np.ndarray, quality: np.ndarray, hc_mm: np.ndarray, level: float
) -> dict:
    """What `intervals` needs to know, learned from images that the network was not trained on.

    The relative error of a length is expected to grow with the quality features, by a ridge regression of its
    logarithm; the conformal quantile of error over expectation, by band of predicted HC (Mondrian) where enough
    images calibrate it, makes the intervals hold (Lei et al., J Am Stat Assoc 2018, on locally weighted ones).

    Parameters
    ----------
    lengths, references : ndarray of shape (M, 3)
        Predicted and true BPD, OFD and HC, in one unit with each other.
    quality : ndarray of shape (M, 5)
        Of `detection.find_heads`; columns that are not finite for every image are left out.
    hc_mm : ndarray of shape (M,)
        The predicted HC, NaN where the pixel size is unknown.
    level : float
        Coverage, such as 0.9.

    Returns
    -------
    dict
        Plain numbers and lists, fit for JSON.
    """
    errors = np.abs(lengths - references) / np.maximum(lengths, 1e-9)
    learned = {"level": level, "images": len(lengths)}
    return learned | _expect_errors(errors, quality, hc_mm, level) | least_confidence(quality)


def least_confidence(quality: np.ndarray) -> dict:
    """``least_confidence`` of all but the least sure hundredth of heads that a network has not seen.

    Heatmaps of a short training are broad. It is not known where there is no head, or a decoder gives no confidence.
    """
    confidence = quality[:, QUALITY.index("confidence")]
    if not len(confidence) or not np.isfinite(confidence).all():
        return {}
    return {"least_confidence": float(np.quantile(confidence, _LEAST_SURE))}


def _expect_errors(errors: np.ndarray, quality: np.ndarray, hc_mm: np.ndarray, level: float) -> dict:
    """How errors grow with the quality, and the quantile by band of error over what the quality lets expect."""
    nothing, doubts = [0.0] * len(QUALITY), _doubts(quality)
    if not len(errors):
        unknown = {length: {"slopes": nothing, "quantiles": {}} for length in LENGTHS}
        return {"centre": nothing, "spread": [1.0] * len(QUALITY)} | unknown
    used = np.isfinite(doubts).all(axis=0)
    centre = np.where(used, doubts.mean(axis=0), 0.0)
    spread = np.where(used, doubts.std(axis=0) + 1e-9, 1.0)
    learned = {"centre": centre.tolist(), "spread": spread.tolist()}
    standard = np.where(used, (doubts - centre) / spread, 0.0)
    precision = standard.T @ standard + _PRIOR * np.eye(len(QUALITY))
    bands = {"all": np.ones(len(errors), dtype=bool)} | in_bands(hc_mm)
    for length, error in zip(LENGTHS, errors.T, strict=True):
        tamed = np.log(error + np.median(error) / 4 + 1e-9)  # so that errors of next to nothing have little say
        slopes = np.linalg.solve(precision, standard.T @ (tamed - tamed.mean()))
        scores = error / np.exp(standard @ slopes)
        quantiles = {
            band: conformal_quantile(scores[inside], level)
            for band, inside in bands.items()
            if band == "all" or inside.sum() >= _FEWEST
        }
        learned[length] = {
            "slopes": slopes.tolist(),
            "quantiles": {band: share for band, share in quantiles.items() if np.isfinite(share)},
        }
    return learned


def intervals(calibration: dict, quality: np.ndarray, hc_mm: np.ndarray) -> np.ndarray:
    """Intervals of predicted lengths.

    Parameters
    ----------
    calibration : dict
        Of `calibrate`; empty of a model without one.
    quality, hc_mm
        As of `calibrate`.

    Returns
    -------
    ndarray of shape (N, 3)
        Half the breadth of each length's interval as a share of it; NaN where calibration images were too few.
    """
    if not calibration:
        return np.full((len(quality), len(LENGTHS)), np.nan)
    doubts = (_doubts(quality) - calibration["centre"]) / np.array(calibration["spread"])
    doubts = np.where(np.isfinite(doubts), doubts, 0.0)
    shares = []
    for length in LENGTHS:
        quantiles = calibration[length]["quantiles"]
        quantile = np.full(len(quality), quantiles.get("all", np.nan))
        for band, inside in in_bands(hc_mm).items():
            quantile[inside] = quantiles.get(band, quantiles.get("all", np.nan))
        shares.append(quantile * np.exp(doubts @ np.array(calibration[length]["slopes"])))
    return np.stack(shares, axis=1)


def _doubts(quality: np.ndarray) -> np.ndarray:
    """Quality features turned so that more is worse and a step counts alike everywhere, (N, 5)."""
    confidence, disagreement, height, blur, moved = np.asarray(quality, dtype=float).reshape(-1, len(QUALITY)).T
    with np.errstate(invalid="ignore"):
        distances = [np.maximum(distance, 0.005) for distance in (disagreement, moved)]
        columns = [1.02 - confidence, 1.02 - height, np.maximum(blur, 1e-3), *distances]
        return np.log(np.stack(columns, axis=1))


def learn(
    labels: pd.DataFrame | None,
    found: pd.DataFrame | None,
    pixel_size: pd.Series,
    folds: pd.Series | None,
    correct: bool,
    *,
    calliper: str,
    interval_level: float,
) -> dict:
    """A model's calibration: `calibrate`, with its bias correction and how its labels took BPD.

    Parameters
    ----------
    labels, found : DataFrame or None
        Valid labels, and what was found in images that the network, or that of their fold, was not trained on.
    pixel_size : Series
        By image name, mm; NaN where unknown.
    folds : Series, optional
        By image name. ``without`` then holds the calibration of all other folds, for the images of each.
    correct : bool
        Whether lengths are corrected by their bias, `recipe.Reading`.
    calliper, interval_level
        The settings of these names.
    """
    if labels is None or not len(labels):
        nothing = np.zeros((0, len(LENGTHS)))
        learned = calibrate(nothing, nothing, np.zeros((0, len(QUALITY))), np.zeros(0), interval_level)
        learned = {"calliper": calliper, "correction": UNSCALED} | learned
        return learned if folds is None else learned | {"without": {str(k): learned for k in sorted(set(folds))}}
    found = found.loc[labels.index]
    sizes = pixel_size.reindex(labels.index).to_numpy()

    def of_rows(rows: np.ndarray) -> dict:
        located, true = points_of(found[rows]), points_of(labels[rows])
        correction = learn_correction(located, true) if correct else UNSCALED
        corrected = scale_diameters(located, correction)
        lengths, references = (
            reported_lengths(points, sizes[rows], Calliper(calliper)) for points in (corrected, true)
        )
        hc_mm = np.where(np.isfinite(sizes[rows]), lengths[:, 2], np.nan)
        quality = found.loc[rows, list(QUALITY)].to_numpy(dtype=float)
        learned = calibrate(lengths, references, quality, hc_mm, interval_level)
        return {"calliper": calliper, "correction": correction} | learned

    learned = of_rows(np.ones(len(labels), dtype=bool))
    if folds is not None:  # an image's own interval rests on other examinations alone
        fold = folds.loc[labels.index].to_numpy()
        learned["without"] = {str(k): of_rows(fold != k) for k in sorted(set(folds))}
    return learned
