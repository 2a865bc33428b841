"""The head-presence classifier: what it reads, how it is fitted and limited, and what a measurement makes of it."""

import numpy as np
import pandas as pd
import pytest
import torch
from test_flags import LIMITS

from fetal_biometry.measure.biometry import measure
from fetal_biometry.measure.calibration import calibrate
from fetal_biometry.measure.head_presence import HeadPresence, presence_of
from fetal_biometry.measure.learn_presence import _importance as importance_of
from fetal_biometry.measure.learn_presence import _limits as limits_of
from fetal_biometry.measure.learn_presence import fit_head_presence, learn_head_presence, tell_heads
from fetal_biometry.model import presence_network
from fetal_biometry.model.detection import QUALITY
from fetal_biometry.model.geometry import ellipse_landmarks, fit_square
from fetal_biometry.model.second_head import SECOND_HEAD
from fetal_biometry.model.surroundings import ANGLES, RADII, as_text, dotted, from_text, unroll
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


def rings(count, seed, bright):
    """Prepared images of an ellipse, whose outline is bright or dim, in noise: heads, and images without one."""
    rng = np.random.default_rng(seed)
    images = [ring_image(HEAD, bright) + rng.integers(0, 30, SIZE[::-1]).astype(np.uint8) for _ in range(count)]
    return np.stack([fit_square(image, 64) for image in images])


def test_surroundings_are_brightest_on_the_outline_and_come_back_from_text():
    images, sizes = fit_square(ring_image(HEAD), 256)[None], np.array([SIZE], dtype=float)
    unrolled = unroll(images, sizes, HEAD[None])
    assert unrolled.shape == (1, len(RADII), len(ANGLES)) and unrolled.dtype == np.uint8
    assert (np.abs(RADII[unrolled[0].argmax(axis=0)] - 1) < 0.06).all()
    assert np.array_equal(from_text(as_text(unrolled)), unrolled)
    assert from_text([]).shape == (0, len(RADII), len(ANGLES))


def test_a_dotted_ellipse_is_drawn_on_the_outline():
    images, sizes = np.zeros((1, 256, 256), np.uint8), np.array([SIZE], dtype=float)
    drawn = dotted(images, sizes, HEAD[None])
    around = unroll(drawn, sizes, HEAD[None])[0]
    seen = np.abs(RADII - 1) < 0.12
    assert not images.any() and not around[~seen].any()
    assert (around[seen].max(axis=0) > 100).mean() > 0.3


def test_training_draws_marks_near_the_outline_of_half_of_what_it_sees():
    levels = torch.full((400, len(RADII), len(ANGLES)), 40.0)
    marked = presence_network.mark(levels, torch.Generator().manual_seed(3))
    changed = (marked != levels).numpy()
    assert 0.3 < changed.any(axis=(1, 2)).mean() < 0.5
    assert not changed[:, np.abs(RADII - 1) > 0.3].any() and marked[changed].min() >= 150
    dots = changed.any(axis=1).sum(axis=1)  # marked angles
    assert (dots[dots > 0] <= 4).any() and (dots > 20).any()


def tables(count, seed, bright=200):
    """Landmark tables of heads with a bright outline, or of something else with a dim one."""
    table = pd.DataFrame(index=range(count))
    table[list(COLUMNS)] = HEAD.ravel()
    table[list(QUALITY)] = [0.9, 0.01, 1.0, 0.3, np.nan]
    names = [f"{'tissue' if number % 2 else 'cyst'} {number}" for number in range(count)]
    table[list(SECOND_HEAD)] = np.nan
    around = as_text(unroll(rings(count, seed, bright), np.tile(SIZE, (count, 1)), np.tile(HEAD, (count, 1, 1))))
    table = table.assign(image_name=names, contrast=0.8, straight_edge=0.0, span=0.5, surroundings=around)
    return table.set_index("image_name", drop=False)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(presence_network, "_EPOCHS", 12)


@pytest.mark.slow
def test_heads_and_others_are_told_apart_and_each_group_by_a_network_of_the_rest():
    found, truth = pd.concat([tables(80, 1), tables(60, 2, 30)]), np.arange(140) < 80
    groups = np.array([*(f"home {i % 4}" for i in range(80)), *(f"drawn {i % 3}" for i in range(60))])
    fitted, unseen = fit_head_presence(found, truth, groups)
    odds = fitted.odds(found)
    assert odds[:80].min() > odds[80:].max() and fitted.none <= 0 <= fitted.faint
    assert set(unseen) == set(groups) and unseen["home 0"].network != fitted.network
    again, _ = fit_head_presence(found, truth, groups)
    assert again == fitted


def test_limits_are_those_of_unseen_images():
    """Abdomens of one centre look like heads: the limit rises above most of their odds."""
    odds = np.array([*np.linspace(1, 3, 80), *np.linspace(-3, -1, 60), *np.linspace(0.5, 0.9, 20)])
    groups = np.array(["home 0"] * 80 + ["drawn cyst"] * 60 + ["Egypt"] * 20)
    faint, none = limits_of(odds, np.arange(160) < 80, groups)
    assert faint == pytest.approx(np.quantile(odds[140:], 0.98)) and none == 0
    odds[:4] = -2.0
    assert limits_of(odds, np.arange(160) < 80, groups)[1] == -2


def test_kinds_have_their_shares_and_small_heads_come_oftener():
    is_head, span = np.array([1, 1, 1, 0, 0, 0], dtype=bool), np.array([0.5, 0.5, 0.3, 0.5, 0.5, 0.3])
    groups = np.array(["home 0", "home 1", "Egypt", "Egypt", "drawn cyst", "drawn noise"])
    weights = importance_of(is_head, groups, span)
    assert weights == pytest.approx([0.175, 0.175, 0.45, 0.35, 0.075, 0.075])


def test_too_few_teach_nothing():
    heads, others = tables(4, 1), tables(60, 2, 30)
    folds = pd.Series(0, heads.index)
    assert learn_head_presence(heads, folds, others, None) is None
    assert "presence" not in tell_heads({"level": 0.9}, heads, folds, others, None)


@pytest.mark.slow
def test_each_fold_is_judged_by_a_classifier_of_the_others():
    heads = tables(80, 1)
    heads.index = heads["image_name"] = [f"{number:03}_HC.png" for number in range(80)]
    folds = pd.Series(np.arange(80) % 2, heads.index)
    known = {"without": {"0": {}, "1": {}}}
    told = tell_heads(known, heads, folds, tables(60, 2, 30), None)
    assert told["without"]["0"]["presence"] != told["without"]["1"]["presence"] != told["presence"]


@pytest.mark.slow
def test_planes_with_a_head_teach_as_heads():
    plain = tables(10, 4, 100).set_axis([f"p{i}.png" for i in range(10)])
    others = pd.concat([tables(60, 2, 30), plain])
    planes = pd.DataFrame({"plane": "head", "centre": "Malawi"}, index=plain.index)
    heads = tables(40, 1)
    heads.index = [f"{number:03}_HC.png" for number in range(40)]
    folds = pd.Series(np.arange(40) % 4, heads.index)
    with_heads, _ = learn_head_presence(heads, folds, others, planes)
    as_others, _ = learn_head_presence(heads, folds, others, planes.assign(plane="abdomen"))
    assert with_heads.odds(plain).mean() > as_others.odds(plain).mean()


@pytest.mark.parametrize(
    ("odds", "height", "moved", "flag", "measured"),
    [
        (3.0, 1.0, np.nan, "", True),
        (3.0, np.nan, np.nan, "", True),  # a decoder that reads no mask
        (3.0, 0.4, np.nan, "faint head", True),
        (0.5, 1.0, 0.1, "faint head", True),
        (-2.0, 1.0, 0.1, "no head found", False),
        (0.5, 1.0, 0.6, "no head found", False),
        (3.0, 0.4, 0.6, "no head found", False),
        (3.0, 1.0, 0.6, "", True),
    ],
)
def test_three_outcomes(monkeypatch, odds, height, moved, flag, measured):
    """Limits of 1 and -1, and of half a mask; readings of a faint head that lie half a radius apart are of none."""
    monkeypatch.setattr(HeadPresence, "odds", lambda self, found: np.full(len(found), odds))
    presence = HeadPresence("", faint=1.0, none=-1.0)
    rng = np.random.default_rng(0)
    lengths = rng.uniform(100, 200, (60, 3))
    quality = np.tile([0.9, 0.01, 1.0, 0.3, np.nan], (60, 1))
    calibration = calibrate(lengths, lengths * 1.01, quality, lengths[:, 2], 0.9) | {"presence": presence.as_dict()}
    assert presence_of(calibration) == presence and presence_of({}) is None
    facts = pd.DataFrame({"width_px": [800], "height_px": [540], "pixel_size_mm": [0.2], "calibrated_regions": [""]})
    found = tables(1, 0).assign(moved=moved, height=height)
    (row,) = measure(found, facts, calibration, LIMITS, Calliper.OUTER_TO_OUTER).to_dict("records")
    assert row["flags"] == flag and row["head_odds"] == odds
    values = [row[name] for name in ("ofd_1_x", "bpd_px", "hc_mm", "hc_mm_low")]
    assert np.isfinite(values).all() if measured else np.isnan(values).all()
