"""Whether what was found is a head: a logistic regression on what the image shows around it.

It is fitted after the networks, on heads that they did not train on and on images without a head, and travels in the
model's calibration.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from fetal_biometry.model.surroundings import SURROUNDINGS
from fetal_biometry.terms import HEAD

_RIDGE = 0.01  # on the weights of standardised features, beside a mean loss of about 0.1
_FLAT = 1e-3  # standard deviation of a feature that says nothing
_SMALL = 1 / 3  # OFD over the image's side, below which heads of one centre weigh as a group of their own
_USUAL = np.log(0.45)  # the same, of the usual head
_PASSING_OTHERS = 0.02  # share of images without a head that are taken for one without a flag
_REFUSED_HEADS = 0.009  # share of heads that are taken for none; with half of it every second other plane has a length
HOME, DRAWN = "home {}", "drawn {}"  # names of groups
_FEWEST = 5  # images of a group, below which it tells nothing about another


@dataclass(frozen=True)
class HeadPresence:
    """A fitted classifier: weights of standardised features, and two limits of the odds.

    The logarithm of the odds of a head is ``bias`` plus ``weights`` times the features less ``centre`` over
    ``spread``. Below ``faint`` a head is flagged, below ``none`` there is no head.
    """

    weights: list[float]
    bias: float
    centre: list[float]
    spread: list[float]
    faint: float
    none: float

    def odds(self, features: np.ndarray) -> np.ndarray:
        """Logarithm of the odds that an image shows a head, (N,), from `features_of`."""
        return (features - self.centre) / np.array(self.spread) @ self.weights + self.bias

    def as_dict(self) -> dict:
        """Plain values, fit for JSON."""
        return asdict(self)


def presence_of(calibration: dict) -> HeadPresence | None:
    """The classifier of a model's calibration; None of one without."""
    return HeadPresence(**calibration["presence"]) if "presence" in calibration else None


def features_of(found: pd.DataFrame) -> np.ndarray:
    """What the classifier reads of landmark tables, (N, F).

    Each feature stands alone and times the logarithm of the head's size in the image, for the skull of a small head is
    thick. A feature that a network does not give is 0.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = np.column_stack([
            found["confidence"], found["height"], found["blur"],
            *(np.log(np.maximum(found[name], 0.005)) for name in ("disagreement", "moved")),
        ])  # fmt: skip
    plain = np.column_stack([found[list(SURROUNDINGS)].to_numpy(dtype=float), drawn])
    plain = np.where(np.isfinite(plain), plain, 0.0)
    size = (found[SURROUNDINGS[-1]].to_numpy(dtype=float) - _USUAL)[:, None].clip(-1.2, 0.6)
    return np.concatenate([plain, plain * size], axis=1)


def tell_heads(
    calibration: dict, heads: pd.DataFrame, folds: pd.Series, others: pd.DataFrame, planes: pd.DataFrame | None
) -> dict:
    """A model's calibration with its classifier as ``presence``, in ``without`` of the other folds.

    Arguments as of `learn_head_presence`.
    """

    def learned(rows: np.ndarray) -> dict:
        classifier = learn_head_presence(heads[rows], folds, others, planes)
        return {} if classifier is None else {"presence": classifier.as_dict()}

    calibration = calibration | learned(np.ones(len(heads), dtype=bool))
    fold = folds.loc[heads.index].to_numpy()
    if "without" in calibration:
        calibration["without"] = {k: part | learned(fold != int(k)) for k, part in calibration["without"].items()}
    return calibration


def learn_head_presence(
    heads: pd.DataFrame, folds: pd.Series, others: pd.DataFrame, planes: pd.DataFrame | None
) -> HeadPresence | None:
    """The classifier of heads against images without one; None where heads or others are too few.

    Parameters
    ----------
    heads : DataFrame
        Landmark tables of `inference.locate_all`, of labelled images that the networks were not trained on.
    folds : Series
        The fold of each, by image name.
    others : DataFrame
        Of drawn images without a head, whose names begin with their kind, and of planes.
    planes : DataFrame, optional
        ``plane`` and ``centre`` of the latter, by image name.
    """
    centres = pd.Series(others.index.str.rpartition(" ").get_level_values(0), others.index).map(DRAWN.format)
    is_head = pd.Series(False, others.index)
    if planes is not None:
        centres.update(planes["centre"])
        is_head.update(planes["plane"] == HEAD)
    groups = np.concatenate([folds.loc[heads.index].map(HOME.format), centres]).astype(str)
    truth = np.concatenate([np.ones(len(heads), dtype=bool), is_head.to_numpy()])
    return fit_head_presence(pd.concat([heads, others]), truth, groups)


def fit_head_presence(found: pd.DataFrame, is_head: np.ndarray, groups: np.ndarray) -> HeadPresence | None:
    """The classifier of images in groups, whose limits rest on odds that a classifier of all other groups gives.

    ``found`` are landmark tables; ``is_head`` (N,) truth values; ``groups`` (N,) names the centre of each image, the
    fold at `HOME`, or the kind that is `DRAWN`. None where heads or others are too few.
    """
    if min(is_head.sum(), (~is_head).sum()) < _FEWEST:
        return None
    features = features_of(found)
    small = found[SURROUNDINGS[-1]].to_numpy(dtype=float) < np.log(_SMALL)
    unseen = odds_across(features, is_head, groups, small)
    told = np.isfinite(unseen)
    drawn = np.char.startswith(groups, DRAWN.format(""))
    faint = none = 0.0
    if (told & is_head).any():
        none = min(float(np.quantile(unseen[told & is_head], _REFUSED_HEADS)), 0.0)
    for others in (told & ~is_head & drawn, told & ~is_head & ~drawn):
        if others.any():
            faint = max(faint, float(np.quantile(unseen[others], 1 - _PASSING_OTHERS)))
    return _fit(features, is_head, _importance(is_head, groups, small), faint, none)


def odds_across(features: np.ndarray, is_head: np.ndarray, groups: np.ndarray, small: np.ndarray) -> np.ndarray:
    """Odds of each image by a classifier of all other groups, (N,); NaN where those lack heads or negatives."""
    odds = np.full(len(features), np.nan)
    for group in np.unique(groups):
        inside = groups == group
        rest = ~inside
        if min((rest & is_head).sum(), (rest & ~is_head).sum()) >= _FEWEST:
            importance = _importance(is_head[rest], groups[rest], small[rest])
            odds[inside] = _fit(features[rest], is_head[rest], importance, 0.0, 0.0).odds(features[inside])
    return odds


def _importance(is_head: np.ndarray, groups: np.ndarray, small: np.ndarray) -> np.ndarray:
    """Weights of images, (N,): half for heads and half for negatives; of heads, a group's by the root of its number."""
    weights = np.where(is_head, 0.0, 0.5 / max((~is_head).sum(), 1))
    names = np.char.add(groups.astype(str), np.where(small, " small", ""))
    _, number, count = np.unique(names[is_head], return_inverse=True, return_counts=True)
    weights[is_head] = (0.5 / np.sqrt(count).sum() / np.sqrt(count))[number]
    return weights


def _fit(features: np.ndarray, is_head: np.ndarray, importance: np.ndarray, faint: float, none: float) -> HeadPresence:
    """Weighted logistic regression with a ridge, by Newton's method."""
    centre = np.average(features, axis=0, weights=importance)
    spread = np.sqrt(np.average((features - centre) ** 2, axis=0, weights=importance)) + _FLAT
    scaled = np.column_stack([(features - centre) / spread, np.ones(len(features))])
    ridge = 2 * _RIDGE * np.append(np.ones(features.shape[1]), 0.0)
    found = np.zeros(scaled.shape[1])
    for _ in range(50):
        likely = 1 / (1 + np.exp(-np.clip(scaled @ found, -30, 30)))
        slope = scaled.T @ (importance * (likely - is_head)) + ridge * found
        bend = (scaled * (importance * likely * (1 - likely))[:, None]).T @ scaled + np.diag(ridge + 1e-9)
        step = np.linalg.solve(bend, slope)
        found = found - step
        if np.abs(step).max() < 1e-8:
            break
    return HeadPresence(found[:-1].tolist(), float(found[-1]), centre.tolist(), spread.tolist(), faint, none)
