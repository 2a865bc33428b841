"""The head-presence classifier: what it reads, how it is fitted and limited, and what a measurement makes of it."""

import numpy as np
import pandas as pd
import pytest
from test_flags import LIMITS

from fetal_biometry.measure.biometry import measure
from fetal_biometry.measure.calibration import calibrate
from fetal_biometry.measure.head_presence import (
    HeadPresence,
    features_of,
    fit_head_presence,
    learn_head_presence,
    odds_across,
    presence_of,
    tell_heads,
)
from fetal_biometry.model.detection import QUALITY
from fetal_biometry.model.geometry import ellipse_landmarks, fit_square
from fetal_biometry.model.second_head import SECOND_HEAD
from fetal_biometry.model.surroundings import ANGLES, RADII, SURROUNDINGS, describe_surroundings
from fetal_biometry.terms import COLUMNS, Calliper

SIZE = (800, 540)
HEAD = ellipse_landmarks((400, 270), 200, 150, 0.3)


def ring_image(head, bright=200, size=SIZE):
    """An ellipse's outline, 12 px thick."""
    y, x = np.indices(size[::-1])
    centre, along, across = head.mean(axis=0), (head[1] - head[0]) / 2, (head[3] - head[2]) / 2
    u = ((x - centre[0]) * along[0] + (y - centre[1]) * along[1]) / (along @ along)
    v = ((x - centre[0]) * across[0] + (y - centre[1]) * across[1]) / (across @ across)
    return np.where(np.abs(np.hypot(u, v) - 1) < 0.05, bright, 20).astype(np.uint8)


def described(image, head):
    seen = fit_square(image, 256)
    values = describe_surroundings(seen[None], np.array([image.shape[::-1]], dtype=float), head[None])[0]
    return dict(zip(SURROUNDINGS, values, strict=True))


def test_the_mean_level_peaks_at_the_outline():
    found = described(ring_image(HEAD), HEAD)
    means = np.array([found[f"surroundings_{i}"] for i in range(len(RADII))])
    assert RADII[means.argmax()] == pytest.approx(1, abs=0.05) and means.max() > 2
    spreads = [found[f"surroundings_{len(RADII) + i}"] for i in range(len(RADII))]
    assert spreads[0] == pytest.approx(0, abs=1e-6), "there is one level at the centre"


def test_shape_and_size_are_logarithms():
    values = list(described(ring_image(HEAD), HEAD).values())
    assert values[-2:] == pytest.approx([np.log(150 / 200), np.log(400 / 800)], abs=0.01)


def test_an_image_of_one_grey_gives_numbers():
    assert np.isfinite(list(described(np.full(SIZE[::-1], 90, np.uint8), HEAD).values())).all()
    assert len(ANGLES) == 48


def tables(count, seed, level=0.0):
    """Landmark tables of heads whose first feature lies about ``level``, and all others at nothing."""
    table = pd.DataFrame(0.0, range(count), columns=list(SURROUNDINGS))
    table["surroundings_0"] = np.random.default_rng(seed).normal(level, 0.1, count)
    table[SURROUNDINGS[-1]] = np.log(0.45)
    table[list(COLUMNS)] = HEAD.ravel()
    table[list(QUALITY)] = [0.9, 0.01, 1.0, 0.3, np.nan]
    names = [f"{'tissue' if number % 2 else 'cyst'} {number}" for number in range(count)]
    table[list(SECOND_HEAD)] = np.nan
    return table.assign(image_name=names, contrast=0.8, straight_edge=0.0).set_index("image_name", drop=False)


def test_heads_and_others_are_told_apart_with_limits_from_other_groups():
    heads, others = tables(80, 1, 1.0), tables(60, 2, -1.0)
    found, truth = pd.concat([heads, others]), np.arange(140) < 80
    groups = np.array([*(f"home {i % 4}" for i in range(80)), *(f"drawn {i % 3}" for i in range(60))])
    fitted = fit_head_presence(found, truth, groups)
    odds = fitted.odds(features_of(found))
    assert odds[:80].min() > 1 and odds[80:].max() < -1
    assert fitted.none <= 0 <= fitted.faint
    across = odds_across(features_of(found), truth, groups, np.zeros(140, dtype=bool))
    assert (across > 0).tolist() == truth.tolist()


def test_limits_are_those_of_unseen_groups():
    """Abdomens of one centre look like heads to a classifier that saw none: the limit rises above their odds."""
    heads, others, alike = tables(80, 1, 1.0), tables(60, 2, -1.0), tables(20, 3, 0.6)
    found, truth = pd.concat([heads, others, alike]), np.arange(160) < 80
    groups = np.array([*(f"home {i % 4}" for i in range(80)), *(f"drawn {i % 3}" for i in range(60)), *["Egypt"] * 20])
    fitted = fit_head_presence(found, truth, groups)
    unseen = odds_across(features_of(found), truth, groups, np.zeros(160, dtype=bool))[140:]
    assert fitted.faint == pytest.approx(np.quantile(unseen, 0.98)) and fitted.faint > 0.5


def test_too_few_teach_nothing():
    heads, others = tables(4, 1, 1.0), tables(60, 2, -1.0)
    folds = pd.Series(0, heads.index)
    assert learn_head_presence(heads, folds, others, None) is None
    assert "presence" not in tell_heads({"level": 0.9}, heads, folds, others, None)


def test_each_fold_is_judged_by_a_classifier_of_the_others():
    heads = tables(80, 1, 1.0)
    heads.index = heads["image_name"] = [f"{number:03}_HC.png" for number in range(80)]
    folds = pd.Series(np.arange(80) % 2, heads.index)
    known = {"without": {"0": {}, "1": {}}}
    told = tell_heads(known, heads, folds, tables(60, 2, -1.0), None)
    assert told["without"]["0"]["presence"] != told["without"]["1"]["presence"] != told["presence"]


def test_planes_with_a_head_teach_as_heads():
    others = pd.concat([tables(60, 2, -1.0), tables(10, 4, 0.0).set_axis([f"p{i}.png" for i in range(10)])])
    planes = pd.DataFrame({"plane": "head", "centre": "Malawi"}, index=[f"p{i}.png" for i in range(10)])
    heads = tables(40, 1, 1.0)
    heads.index = [f"{number:03}_HC.png" for number in range(40)]
    folds = pd.Series(np.arange(40) % 4, heads.index)
    with_heads = learn_head_presence(heads, folds, others, planes)
    as_others = learn_head_presence(heads, folds, others, planes.assign(plane="abdomen"))
    features = features_of(others.loc[planes.index])
    assert with_heads.odds(features).min() > 0 > as_others.odds(features).mean()


@pytest.mark.parametrize(
    ("odds", "flag", "measured"), [(3.0, "", True), (0.5, "faint head", True), (-2.0, "no head found", False)]
)
def test_three_outcomes(odds, flag, measured):
    """A classifier of the bias alone, and limits of 1 and -1."""
    width = 2 * (len(SURROUNDINGS) + len(QUALITY))
    presence = HeadPresence([0.0] * width, odds, [0.0] * width, [1.0] * width, faint=1.0, none=-1.0)
    rng = np.random.default_rng(0)
    lengths = rng.uniform(100, 200, (60, 3))
    quality = np.tile([0.9, 0.01, 1.0, 0.3, np.nan], (60, 1))
    calibration = calibrate(lengths, lengths * 1.01, quality, lengths[:, 2], 0.9) | {"presence": presence.as_dict()}
    assert presence_of(calibration) == presence and presence_of({}) is None
    facts = pd.DataFrame({"width_px": [800], "height_px": [540], "pixel_size_mm": [0.2], "calibrated_regions": [""]})
    (row,) = measure(tables(1, 0), facts, calibration, LIMITS, Calliper.OUTER_TO_OUTER).to_dict("records")
    assert row["flags"] == flag and row["head_odds"] == odds
    values = [row[name] for name in ("ofd_1_x", "bpd_px", "hc_mm", "hc_mm_low")]
    assert np.isfinite(values).all() if measured else np.isnan(values).all()
