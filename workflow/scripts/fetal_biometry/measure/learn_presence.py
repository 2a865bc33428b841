"""Train the head-presence classifier, after the networks that find heads.

It learns from heads that these did not train on and from images without a head.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fetal_biometry.measure.head_presence import HeadPresence, network_odds, numbers_of
from fetal_biometry.model import presence_network
from fetal_biometry.model.surroundings import SPAN, SURROUNDINGS, from_text
from fetal_biometry.terms import HEAD

HOME, DRAWN = "home {}", "drawn {}"  # names of groups
_SHARES = {(True, "home"): 0.35, (True, ""): 0.15, (False, ""): 0.35, (False, "drawn"): 0.15}  # of a training
_SMALL, _OFTENER = 0.45, 3  # OFD over the image's side, below which a head is drawn so many times as often
_PARTS = 4  # of the groups; a part's odds are those of a network of the others
_PASSING_OTHERS = 0.02  # share of images without a head that are taken for one without a flag
_REFUSED_HEADS = 0.002  # share of heads that are taken for none
_FEWEST = 5  # heads, or images without one, from which a network can learn
_SEED = 1


def tell_heads(
    calibration: dict, heads: pd.DataFrame, folds: pd.Series, others: pd.DataFrame, planes: pd.DataFrame | None
) -> dict:
    """A model's calibration with its classifier as ``presence``, in ``without`` of the other folds.

    Arguments as of `learn_head_presence`.
    """
    learned = learn_head_presence(heads, folds, others, planes)
    if learned is None:
        return calibration
    presence, unseen = learned
    calibration = calibration | {"presence": presence.as_dict()}
    if "without" in calibration:
        known = {k: unseen[HOME.format(k)].as_dict() for k in calibration["without"] if HOME.format(k) in unseen}
        parts = calibration["without"].items()
        calibration["without"] = {k: part | ({"presence": known[k]} if k in known else {}) for k, part in parts}
    return calibration


def learn_head_presence(
    heads: pd.DataFrame, folds: pd.Series, others: pd.DataFrame, planes: pd.DataFrame | None
) -> tuple[HeadPresence, dict[str, HeadPresence]] | None:
    """The classifier of heads against images without one, and others as of `fit_head_presence`.

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


def calibrations_by_centre(
    calibration: dict, heads: pd.DataFrame, folds: pd.Series, others: pd.DataFrame, planes: pd.DataFrame
) -> dict[str, dict]:
    """The model's calibration for each centre, with a classifier of all other centres.

    Arguments as of `learn_head_presence`.
    """
    found = {}
    for centre in sorted(planes["centre"].unique()):
        left_out = planes.index[planes["centre"] == centre]
        rest = others[~others.index.isin(left_out)]
        learned = learn_head_presence(heads, folds, rest, planes.drop(left_out))
        own = {"presence": learned[0].as_dict()} if learned else {}
        found[centre] = {key: value for key, value in calibration.items() if key != "presence"} | own
    return found


def fit_head_presence(
    found: pd.DataFrame, is_head: np.ndarray, groups: np.ndarray
) -> tuple[HeadPresence, dict[str, HeadPresence]] | None:
    """The classifier of all images, and for each group one whose network and limits saw none of its images.

    Limits rest on odds of networks that did not see the image. ``found`` are landmark tables; ``is_head`` (N,) truth
    values; ``groups`` (N,) names the centre of each image, the fold at `HOME`, or the kind that is `DRAWN`. None where
    heads or others are too few.
    """
    network = _train(found, is_head, groups)
    if network is None:
        return None
    names, number = np.unique(groups, return_inverse=True)
    odds, networks = np.full(len(groups), np.nan), {}
    for part in range(_PARTS):
        inside = number % _PARTS == part
        other = _train(found[~inside], is_head[~inside], groups[~inside])
        if other is not None and inside.any():
            odds[inside] = network_odds(other, found[inside])
            networks |= dict.fromkeys(names[part::_PARTS].tolist(), other)
    unseen = {}
    for name, other in networks.items():
        rest = groups != name
        unseen[name] = HeadPresence(other, *_limits(odds[rest], is_head[rest], groups[rest]))
    return HeadPresence(network, *_limits(odds, is_head, groups)), unseen


def _train(found: pd.DataFrame, is_head: np.ndarray, groups: np.ndarray) -> str | None:
    """A network as `HeadPresence` holds it; None where heads or others are too few."""
    if min(is_head.sum(), (~is_head).sum()) < _FEWEST:
        return None
    importance = _importance(is_head, groups, found[SPAN].to_numpy(dtype=float))
    unrolled, numbers = from_text(found[SURROUNDINGS]), numbers_of(found)
    return presence_network.as_text(presence_network.train(unrolled, numbers, is_head, importance, _SEED))


def _importance(is_head: np.ndarray, groups: np.ndarray, span: np.ndarray) -> np.ndarray:
    """How often each image is drawn in training, (N,): of each kind its share, small heads more often."""
    weights, kinds = np.zeros(len(groups)), np.char.partition(groups, " ")[:, 0]
    known = np.isin(kinds, [kind for _, kind in _SHARES])
    for (heads, kind), share in _SHARES.items():
        inside = (is_head == heads) & (kinds == kind if kind else ~known)
        weights[inside] = share / max(inside.sum(), 1)
    weights[is_head & (span < _SMALL)] *= _OFTENER
    return weights


def _limits(odds: np.ndarray, is_head: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """``faint`` and ``none`` of `HeadPresence`, from odds of images that the networks did not see; NaN is not known."""
    told, drawn = np.isfinite(odds), np.char.startswith(groups, DRAWN.format(""))
    none = float(np.quantile(odds[told & is_head], _REFUSED_HEADS)) if (told & is_head).any() else 0.0
    others = [odds[told & ~is_head & kind] for kind in (drawn, ~drawn)]
    faint = max([0.0, *(float(np.quantile(known, 1 - _PASSING_OTHERS)) for known in others if len(known))])
    return faint, min(none, 0.0)
