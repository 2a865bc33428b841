"""Intervals hold as often as they say, by simulation, and are as wide as the quality features ask for."""

import json

import numpy as np
import pandas as pd
import pytest

from fetal_biometry.measure.calibration import (
    calibrate,
    conformal_quantile,
    intervals,
    learn,
    learn_correction,
    least_confidence,
)
from fetal_biometry.model.detection import BLUR, CONFIDENCE, QUALITY
from fetal_biometry.model.geometry import all_lengths, ellipse_landmarks, scale_diameters
from fetal_biometry.terms import COLUMNS, LENGTHS

ORDINARY = {"confidence": 0.8, "disagreement": 0.05, "height": 0.95, "blur": 0.8, "moved": 0.04}
PLAIN = np.array([ORDINARY[name] for name in QUALITY])


@pytest.mark.parametrize(("n", "level"), [(20, 0.9), (50, 0.9), (99, 0.95), (30, 0.5)])
def test_the_next_error_lies_within_the_quantile_as_often_as_promised(n, level):
    errors = np.random.default_rng(n).exponential(size=(4000, n + 1))
    held = np.mean([row[-1] <= conformal_quantile(row[:-1], level) for row in errors])
    expected = np.ceil((n + 1) * level) / (n + 1)
    assert level <= expected <= level + 1 / (n + 1)
    assert held == pytest.approx(expected, abs=4 * np.sqrt(level * (1 - level) / 4000))  # four standard errors


def test_too_few_errors_promise_nothing():
    assert conformal_quantile(np.ones(8), 0.9) == np.inf
    assert conformal_quantile(np.ones(9), 0.9) == 1
    assert conformal_quantile(np.array([]), 0.9) == np.inf


@pytest.mark.parametrize(("images", "kept"), [(0, 0), (50, 1 / 2), (450, 0.9)])
def test_diameters_found_too_short_are_lengthened_the_more_the_more_images_say_so(images, kept):
    heads = [ellipse_landmarks((400, 300), 150, 110, angle) for angle in np.linspace(-1.4, 1.4, images)]
    labels = np.array(heads).reshape(-1, 4, 2)
    ofd, bpd = learn_correction(scale_diameters(labels, (0.98, 1.01)), labels)
    assert (ofd, bpd) == pytest.approx((0.98**-kept, 1.01**-kept), abs=1e-6)


def test_what_is_less_sure_than_nearly_every_head_is_not_sure():
    quality = np.tile(PLAIN, (200, 1))
    quality[:, CONFIDENCE] = np.linspace(0.9, 0.2, 200)
    assert least_confidence(quality) == pytest.approx({"least_confidence": 0.207}, abs=1e-3)
    assert least_confidence(quality[:0]) == least_confidence(np.full((9, 5), np.nan)) == {}


def test_one_wrong_head_corrects_nothing():
    labels = np.repeat(ellipse_landmarks((400, 300), 150, 110, 0.2)[None], 40, axis=0)
    found = labels.copy()
    found[0] = scale_diameters(found[:1], (0.3, 0.3))[0]
    assert all_lengths(found[0])[1] == pytest.approx(90)
    assert learn_correction(found, labels) == pytest.approx((1, 1))


def simulate(rng, n):
    """True and predicted lengths in mm, and quality, of heads whose errors grow with blur and are worst when small."""
    truth = rng.uniform(60, 300, (n, 1)) * [0.28, 0.35, 1]
    blur = np.exp(rng.normal(0, 0.5, n))
    share = 0.01 * blur * np.where(truth[:, 2] < 120, 3, 1)
    predicted = truth * (1 + rng.normal(0, 1, (n, 3)) * share[:, None])
    quality = np.tile(PLAIN, (n, 1))
    quality[:, BLUR] = blur
    return truth, predicted, quality


def test_intervals_hold_in_every_band_and_widen_with_the_quality():
    rng, held, small, widths = np.random.default_rng(2), [], [], []
    for _ in range(60):
        truth, predicted, quality = simulate(rng, 400)
        known, new = slice(0, 200), slice(200, 400)
        learned = calibrate(predicted[known], truth[known], quality[known], predicted[known, 2], 0.9)
        shares = intervals(learned, quality[new], predicted[new, 2])
        inside = np.abs(truth[new] / predicted[new] - 1) <= shares
        held.append(inside.mean(axis=0))
        small.append(inside[predicted[new, 2] < 120].mean(axis=0))
        widths.append([shares[quality[new, BLUR] > 1.5].mean(), shares[quality[new, BLUR] < 0.7].mean()])
    assert np.mean(held, axis=0) == pytest.approx(0.9, abs=0.02)
    assert np.mean(small, axis=0) == pytest.approx(0.9, abs=0.03)
    wide, narrow = np.mean(widths, axis=0)
    assert wide > 2 * narrow


def test_without_quality_features_every_share_is_the_same():
    predicted = np.full((19, 3), 100.0)
    references = predicted + np.arange(19)[:, None]  # the 18th smallest error is 17 %
    learned = calibrate(predicted, references, np.full((19, 5), np.nan), np.full(19, np.nan), 0.9)
    assert intervals(learned, np.full((2, 5), np.nan), np.array([np.nan, 150])) == pytest.approx(np.full((2, 3), 0.17))


@pytest.mark.parametrize("count", [0, 5])
def test_too_few_calibration_images_give_no_interval(count):
    ones = np.ones((count, 3))
    learned = calibrate(ones, ones, np.tile(PLAIN, (count, 1)), np.full(count, 3.0), 0.9)
    none = intervals(learned, np.tile(PLAIN, (4, 1)), np.full(4, 3.0))
    assert none.shape == (4, 3) and np.isnan(none).all()


def test_a_calibration_survives_its_file():
    truth, predicted, quality = simulate(np.random.default_rng(4), 100)
    learned = calibrate(predicted, truth, quality, predicted[:, 2], 0.9)
    again = json.loads(json.dumps(learned))
    assert again["images"] == 100 and again["level"] == 0.9
    both = [intervals(each, quality, predicted[:, 2]) for each in (learned, again)]
    assert np.array_equal(*both)


def test_strange_quality_widens_by_a_finite_amount():
    truth, predicted, quality = simulate(np.random.default_rng(5), 100)
    learned = calibrate(predicted, truth, quality, predicted[:, 2], 0.9)
    strange = np.array([[0.0, 50.0, 0.0, 0.0, 80.0], [1.0, 0.0, 1.0, 100.0, 0.0], [np.nan] * 5])
    assert np.isfinite(intervals(learned, strange, predicted[:3, 2])).all()


def tables(count=90):
    """Labels, what a network found 2 % too small with some scatter, pixel sizes, and folds."""
    rng = np.random.default_rng(7)
    names = [f"{number:03d}.png" for number in range(count)]
    points = np.array([ellipse_landmarks((400, 270), semi, 0.78 * semi, 0.2) for semi in rng.uniform(90, 200, count)])
    labels = pd.DataFrame(points.reshape(-1, 8), index=names, columns=list(COLUMNS))
    scatter = 0.98 * np.exp(rng.normal(0, 0.01, (count, 1, 1)))
    middle = points.mean(axis=1, keepdims=True)
    found = pd.DataFrame((middle + scatter * (points - middle)).reshape(-1, 8), index=names, columns=list(COLUMNS))
    found[list(QUALITY)] = PLAIN
    return labels, found, pd.Series(0.2, index=names), pd.Series(np.arange(count) % 3, index=names)


def learn_at_90(labels, found, pixel_size, folds, correct=True, calliper="outer_to_outer"):
    return learn(labels, found, pixel_size, folds, correct, calliper=calliper, interval_level=0.9)


def test_a_calibration_has_the_bias_the_calliper_and_the_level():
    labels, found, pixel_size, _ = tables()
    mixed = found.sample(frac=1, random_state=1)
    learned = learn_at_90(labels, mixed, pixel_size, None, calliper="outer_to_inner")
    assert learned["correction"] == pytest.approx((0.98 ** (-90 / 140),) * 2, abs=0.003)  # 90 images, and a prior of 50
    assert learned["calliper"] == "outer_to_inner" and learned["level"] == 0.9 and learned["images"] == 90
    assert "without" not in learned
    plain = learn_at_90(labels, found, pixel_size, None, correct=False)
    assert plain["correction"] == (1.0, 1.0)
    for name in LENGTHS:
        assert plain[name]["quantiles"]["all"] > learned[name]["quantiles"]["all"] > 0.01


def test_a_fold_s_own_labels_have_no_part_in_what_is_said_of_it():
    labels, found, pixel_size, folds = tables()
    before = learn_at_90(labels, found, pixel_size, folds)
    assert set(before["without"]) == {"0", "1", "2"}
    wrong = labels.copy()
    wrong.loc[folds == 1, ["bpd_1_y", "ofd_1_x"]] -= 20
    after = learn_at_90(wrong, found, pixel_size, folds)
    changed = {fold for fold in before["without"] if before["without"][fold] != after["without"][fold]}
    assert changed == {"0", "2"} and before["bpd"] != after["bpd"]
    assert before["without"]["1"]["images"] == 60


@pytest.mark.parametrize("folds", [None, pd.Series(dtype=int)])
def test_without_labels_nothing_is_known(folds):
    nothing = learn_at_90(None, None, pd.Series(dtype=float), folds)
    assert nothing["correction"] == (1.0, 1.0) and nothing["images"] == 0
    assert np.isnan(intervals(nothing, PLAIN[None], np.array([150.0]))).all()


def test_where_no_label_is_left_to_calibrate_each_fold_is_known_to_know_nothing():
    """Such as where all labels are predictions that a person accepted."""
    labels, found, pixel_size, folds = tables(30)
    learned = learn_at_90(labels[:0], found, pixel_size, folds)
    assert set(learned["without"]) == set(folds.astype(str)) and learned["images"] == 0
    assert {alone["images"] for alone in learned["without"].values()} == {0}


def test_labels_of_one_fold_say_nothing_of_it():
    labels, found, pixel_size, folds = tables(30)
    learned = learn_at_90(labels, found, pixel_size, 0 * folds)
    alone = learned["without"]["0"]
    assert learned["images"] == 30 and alone["images"] == 0 and alone["correction"] == (1.0, 1.0)
    assert np.isnan(intervals(alone, PLAIN[None], np.array([150.0]))).all()
    json.dumps(learned, allow_nan=False)


def test_lengths_without_a_pixel_size_calibrate_too():
    labels, found, pixel_size, _ = tables()
    unknown = learn_at_90(labels, found, np.nan * pixel_size, None)
    known = learn_at_90(labels, found, pixel_size, None)
    for name in LENGTHS:
        assert set(unknown[name]["quantiles"]) == {"all"}
        assert unknown[name]["quantiles"]["all"] == pytest.approx(known[name]["quantiles"]["all"])
