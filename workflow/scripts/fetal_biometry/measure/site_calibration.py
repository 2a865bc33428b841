"""By how much a site's lengths differ from the model's, and whether a factor may correct that."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fetal_biometry.errors import InputError
from fetal_biometry.measure.calibration import conformal_quantile
from fetal_biometry.measure.site import Factor, LeftOut, Site, far_from_one
from fetal_biometry.measure.site_table import SiteHead
from fetal_biometry.model.geometry import head_circumference
from fetal_biometry.terms import LENGTHS

FEWEST = 10  # images, from which the next one's interval can be told at 90 %
_FURTHEST = 0.15  # more is no calliper's habit: conventions differ by 2 to 7 %
_OTHER_UNIT = 3  # times as long: no head, but another unit
_SCATTER, _WITHIN = 0.10, 0.9  # share of lengths that lie this near to the factor; two observers differ by up to 5 %
_SHUFFLES, _CHANCE = 999, 0.01
_PARTS = 200  # beyond as many images several are left out together


@dataclass(frozen=True)
class Pairs:
    """N heads, as the model and as their site measured them, (N, 3) each: BPD, OFD and HC in one unit, NaN if unknown.

    ``shares`` (N, 3) is half the breadth of the model's intervals as a share of its lengths.
    """

    found: np.ndarray
    given: np.ndarray
    shares: np.ndarray


def pair(heads: list[SiteHead], predictions: pd.DataFrame) -> tuple[Pairs, list[str]]:
    """The site's heads beside the model's, and the names of images in which the model measured no head.

    Raises
    ------
    InputError
        A row of an image that was not measured, in mm without a pixel size, in pixels that are not square, or of a
        length that is several times the model's.
    """
    found, given, shares, without = [], [], [], []
    for head in heads:
        if head.image_name not in predictions.index:
            raise InputError(f"{head.place}: no such image was measured; correct image_name or remove the row.")
        row = predictions.loc[head.image_name]
        if not np.isfinite(row["hc_px"]):
            without.append(head.image_name)
            continue
        if head.in_mm and not np.isfinite(row["hc_mm"]):
            raise InputError(
                f"{head.place}: lengths in mm, but the image has no pixel size; give pixel_sizes, or landmarks in "
                "pixels."
            )
        if not head.in_mm and abs(row["pixel_width_mm"] - row["pixel_height_mm"]) > 0:  # NaN is not
            raise InputError(f"{head.place}: the image's pixels are not square; give bpd_mm and ofd_mm.")
        unit = "mm" if head.in_mm else "px"
        lengths = np.array([row[f"{name}_{unit}"] for name in LENGTHS], dtype=float)
        own = np.array([head.bpd, head.ofd, head.hc])
        _refuse_other_unit(head, own, lengths, unit)
        found.append(lengths)
        given.append(own)
        shares.append([row[f"{name}_{unit}_high"] / row[f"{name}_{unit}"] - 1 for name in LENGTHS])
    return Pairs(*(np.array(values, dtype=float).reshape(-1, 3) for values in (found, given, shares))), without


def _refuse_other_unit(head: SiteHead, own: np.ndarray, lengths: np.ndarray, unit: str) -> None:
    with np.errstate(invalid="ignore"):
        far = np.abs(np.log(own / lengths)) > math.log(_OTHER_UNIT)
    for name, one, other in zip(np.array(LENGTHS)[far], own[far], lengths[far], strict=True):
        raise InputError(
            f"{head.place}: {name} is {one:.4g} {unit}, and the model measures {other:.4g}; correct the unit, or "
            "remove the row."
        )


def calibrate_to_site(pairs: Pairs, level: float) -> Site:
    """Factors of a site, with what leaving each image out says of them.

    Parameters
    ----------
    pairs : Pairs
    level : float
        Of the model's intervals. They are widened until they hold so many of the site's lengths, each with a factor
        that its image has no part in; they never become narrower.
    """
    chosen = {name: choose_factor(pairs.found[:, i], pairs.given[:, i]) for i, name in enumerate(("bpd", "ofd"))}
    scaled = _scaled_without(pairs, [of.refused == "" for of in chosen.values()])
    doubts = np.abs(pairs.given / scaled - 1) / pairs.shares
    known = np.isfinite(doubts)
    widths = [max(1.0, conformal_quantile(doubts[known[:, i], i], level)) for i in range(3)]
    finite = [width for width in widths if math.isfinite(width)]
    widening = [width if math.isfinite(width) else max(finite, default=1.0) for width in widths]
    left_out = {
        name: _judge(pairs.found[:, i], scaled[:, i], pairs.given[:, i], pairs.shares[:, i], level)
        for i, name in enumerate(LENGTHS)
    }
    return Site(
        **chosen,
        widening={name: round(width, 4) for name, width in zip(LENGTHS, widening, strict=True)},
        leave_one_out=left_out,
        level=level,
    )


def choose_factor(found: np.ndarray, given: np.ndarray) -> Factor:
    """The factor of one diameter, (N,) as the model and as the site measured it; 1 with the reason where refused."""
    known = np.isfinite(found) & np.isfinite(given)
    found, given = found[known], given[known]
    if len(found) < FEWEST:
        return Factor(factor=1.0, n=len(found), refused=f"{len(found)} images; give {FEWEST} or more")
    estimate, low, high = (round(value, 5) for value in estimate_factor(given / found))
    refused = _refusal(found, given, (estimate, low, high))
    return Factor(
        factor=1.0 if refused else estimate, estimate=estimate, low=low, high=high, n=len(found), refused=refused
    )


def _refusal(found: np.ndarray, given: np.ndarray, factor: tuple[float, float, float]) -> str:
    """Why a factor must not correct these lengths; empty where it may."""
    estimate, low, high = factor
    chance = chance_of_shuffled(found, given)
    if chance > _CHANCE:
        return f"the lengths fit other images as well as their own (p = {chance:.3f}); check image_name"
    inside, n = int((np.abs(np.log(given / found / estimate)) <= _SCATTER).sum()), len(found)
    if inside < n * _WITHIN - 1.645 * math.sqrt(n * _WITHIN * (1 - _WITHIN)):  # the 5 % quantile of that share
        return f"{n - inside} of {n} lengths differ from the factor by over 10 %; check them"
    if abs(math.log(estimate)) > _FURTHEST:
        return f"{estimate:.3f} is too far from 1 for callipers; the images may be resized, or the unit wrong"
    if not far_from_one(low, high):
        return f"the 95 % interval, {low:.4f} to {high:.4f}, comes within 1 % of 1: nothing to correct"
    return ""


def chance_of_shuffled(found: np.ndarray, given: np.ndarray) -> float:
    """The share of shuffles of ``given`` among N images whose ratios scatter no more than those of its own images.

    A permutation test; scatter is the median absolute deviation of the logarithm of the ratio.
    """
    rng = np.random.default_rng(0)
    orders = rng.permuted(np.tile(np.arange(len(found)), (_SHUFFLES, 1)), axis=1)
    logs = np.log(given)[np.vstack([np.arange(len(found)), orders])] - np.log(found)
    scatter = np.median(np.abs(logs - np.median(logs, axis=1, keepdims=True)), axis=1)
    return float((scatter <= scatter[0]).mean())


def estimate_factor(ratios: np.ndarray) -> tuple[float, float, float]:
    """A factor and its 95 % interval, of ratios (N,): the Hodges-Lehmann estimate of their logarithms.

    The median of the means of all pairs; the ends are order statistics of these means (Hodges and Lehmann, Ann Math
    Stat 34:598, 1963). It is nearly as sharp as the mean, and holds until 29 % of the ratios are wrong.

    Examples
    --------
    >>> [round(value, 3) for value in estimate_factor(np.array([1.02] * 6 + [1.03] * 6 + [1.3]))]
    [1.025, 1.02, 1.03]
    """
    logs, n = np.log(ratios), len(ratios)
    first, second = np.triu_indices(n)
    means = np.sort((logs[first] + logs[second]) / 2)
    rank = math.floor(n * (n + 1) / 4 - 1.96 * math.sqrt(n * (n + 1) * (2 * n + 1) / 24))
    ends = max(rank, 1) - 1
    return tuple(float(value) for value in np.exp([np.median(means), means[ends], means[-1 - ends]]))


def _scaled_without(pairs: Pairs, corrected: list[bool]) -> np.ndarray:
    """The model's lengths, (N, 3), each with the factors that other images give."""
    scaled, part = pairs.found.copy(), np.arange(len(pairs.found)) % _PARTS
    for k in np.unique(part):
        for i in np.flatnonzero(corrected):
            others = pairs.given[part != k, i] / pairs.found[part != k, i]
            factor, low, high = estimate_factor(others[np.isfinite(others)])
            if far_from_one(low, high):
                scaled[part == k, i] *= factor
    scaled[:, 2] = np.where(any(corrected), head_circumference(scaled[:, 0], scaled[:, 1]), scaled[:, 2])
    return scaled


def _judge(found, scaled, given, shares, level: float) -> LeftOut:
    """How one length of N images fits before and after, each image with what the others say of it."""
    known = np.isfinite(given)
    found, scaled, given, shares = (values[known] for values in (found, scaled, given, shares))
    if not len(found):
        return LeftOut(n=0, held_before=0, held_after=0)
    before, after = np.abs(found / given - 1).mean(), np.abs(scaled / given - 1).mean()
    doubts = np.abs(given / scaled - 1) / shares
    widths = np.array([max(1.0, conformal_quantile(np.delete(doubts, i), level)) for i in range(len(doubts))])
    return LeftOut(
        n=len(found),
        before=round(float(before), 5),
        after=round(float(after), 5),
        held_before=int((np.abs(given / found - 1) <= shares).sum()),
        held_after=int((doubts <= widths).sum()),
    )
