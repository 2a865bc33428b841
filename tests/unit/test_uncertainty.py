"""Intervals hold as often as they say, by simulation, and are as wide as the evidence asks for."""

import json

import numpy as np
import pytest

from fetal_biometry.measure.calibration import (
    Judged,
    calibrate,
    conformal_quantile,
    faintest_head,
    intervals,
    learn_correction,
)
from fetal_biometry.model.detection import EVIDENCE
from fetal_biometry.model.geometry import all_lengths, ellipse_landmarks, stretch_diameters

ORDINARY = {"confidence": 0.8, "disagreement": 0.05, "height": 0.95, "blur": 0.8, "drift": 0.04}
PLAIN = np.array([ORDINARY[name] for name in EVIDENCE])


@pytest.mark.parametrize(("n", "level"), [(20, 0.9), (50, 0.9), (99, 0.95), (30, 0.5)])
def test_the_next_error_lies_within_the_quantile_as_often_as_promised(n, level):
    errors = np.random.default_rng(n).exponential(size=(4000, n + 1))
    held = np.mean([row[-1] <= conformal_quantile(row[:-1], level) for row in errors])
    expected = np.ceil((n + 1) * level) / (n + 1)
    assert level <= expected <= level + 1 / (n + 1)
    assert held == pytest.approx(expected, abs=4 * np.sqrt(level * (1 - level) / 4000))  # four standard errors


@pytest.mark.parametrize(("n", "level"), [(30, 0.9), (170, 0.9), (60, 0.5)])
def test_with_an_assurance_all_but_a_few_calibrations_hold_what_they_promise(n, level):
    rng, held = np.random.default_rng(n), []
    for _ in range(4000):
        quantile = conformal_quantile(rng.random(n), level, assurance=0.9)  # uniform: a quantile is its own coverage
        held.append(min(quantile, 1.0) >= level)
    assert 0.9 - 0.02 <= np.mean(held) <= 0.9 + (0.06 if n > 30 else 0.1)


def test_too_few_errors_promise_nothing():
    assert conformal_quantile(np.ones(21), 0.9, 0.9) == np.inf  # the largest of 21 holds 90 % in 89 % of cases
    assert conformal_quantile(np.ones(22), 0.9, 0.9) == 1
    assert conformal_quantile(np.ones(8), 0.9) == np.inf
    assert conformal_quantile(np.ones(9), 0.9) == 1
    assert conformal_quantile(np.array([]), 0.9) == np.inf


def test_the_order_of_errors_does_not_matter():
    errors = np.random.default_rng(1).exponential(size=40)
    assert conformal_quantile(errors, 0.9) == conformal_quantile(np.sort(errors)[::-1], 0.9)


@pytest.mark.parametrize(("images", "kept"), [(0, 0), (50, 1 / 2), (450, 0.9)])
def test_diameters_found_too_short_are_lengthened_the_more_the_more_images_say_so(images, kept):
    heads = [ellipse_landmarks((400, 300), 150, 110, angle) for angle in np.linspace(-1.4, 1.4, images)]
    labels = np.array(heads).reshape(-1, 4, 2)
    ofd, bpd = learn_correction(stretch_diameters(labels, (0.98, 1.01)), labels)
    assert (ofd, bpd) == pytest.approx((0.98**-kept, 1.01**-kept), abs=1e-6)


def test_what_a_network_draws_more_faintly_than_nearly_every_head_is_none():
    evidence = np.tile(PLAIN, (200, 1))
    evidence[:, EVIDENCE.index("height")] = [*[0.7] * 2, *[0.8] * 2, *np.linspace(0.98, 1.0, 196)]
    evidence[:, EVIDENCE.index("confidence")] = np.linspace(0.9, 0.2, 200)
    assert faintest_head(evidence) == pytest.approx({"least_height": 0.799, "least_confidence": 0.207}, abs=1e-3)
    few = np.tile(PLAIN, (40, 1))
    few[:, EVIDENCE.index("height")] = heights = np.random.default_rng(4).normal(0.94, 0.01, 40)
    assert heights.min() > faintest_head(few)["least_height"] == pytest.approx(0.9, abs=0.01)
    assert faintest_head(evidence[:0]) == faintest_head(np.full((9, 5), np.nan)) == {}


def test_one_wrong_head_corrects_nothing():
    labels = np.repeat(ellipse_landmarks((400, 300), 150, 110, 0.2)[None], 40, axis=0)
    found = labels.copy()
    found[0] = stretch_diameters(found[:1], (0.3, 0.3))[0]
    assert all_lengths(found[0])[1] == pytest.approx(90)
    assert learn_correction(found, labels) == pytest.approx((1, 1))


def simulate(rng, n):
    """True and predicted lengths in mm, and evidence, of heads whose errors grow with blur and are worst when small."""
    truth = rng.uniform(60, 300, (n, 1)) * [0.28, 0.35, 1]
    blur = np.exp(rng.normal(0, 0.5, n))
    share = 0.01 * blur * np.where(truth[:, 2] < 120, 3, 1)
    predicted = truth * (1 + rng.normal(0, 1, (n, 3)) * share[:, None])
    evidence = np.tile(PLAIN, (n, 1))
    evidence[:, 3] = blur
    return truth, predicted, evidence


def test_intervals_hold_in_every_band_and_widen_with_the_evidence():
    rng, held, small, widths = np.random.default_rng(2), [], [], []
    for _ in range(60):
        truth, predicted, evidence = simulate(rng, 400)
        known, new = slice(0, 200), slice(200, 400)
        learned = calibrate(Judged(predicted[known], truth[known], evidence[known], predicted[known, 2]), 0.9)
        ends = intervals(learned, predicted[new], evidence[new], predicted[new, 2])
        inside = (truth[new] >= ends[..., 0]) & (truth[new] <= ends[..., 1])
        held.append(inside.mean(axis=0))
        small.append(inside[predicted[new, 2] < 120].mean(axis=0))
        width = (ends[..., 1] - ends[..., 0]) / predicted[new]
        widths.append([width[evidence[new, 3] > 1.5].mean(), width[evidence[new, 3] < 0.7].mean()])
    assert np.mean(held, axis=0) == pytest.approx(0.9, abs=0.02)
    assert np.mean(small, axis=0) == pytest.approx(0.9, abs=0.03)
    wide, narrow = np.mean(widths, axis=0)
    assert wide > 2 * narrow


def test_a_rehearsal_by_worse_networks_says_how_errors_differ_and_the_network_itself_how_large_they_are():
    """Few images judge the network, too few small ones for a quantile of their own; many judged its like."""
    rng, held, small, alone = np.random.default_rng(3), [], [], []
    for _ in range(60):
        parts = []
        for n, worse in ((600, 1.4), (60, 1.0), (300, 1.0)):
            truth, predicted, evidence = simulate(rng, n)
            predicted = truth + worse * (predicted - truth)
            parts.append(Judged(predicted, truth, evidence, predicted[:, 2]))
        rehearsal, judged, new = parts
        rehearsed = calibrate(judged, 0.9, rehearsal=rehearsal)
        for learned, coverage in ((rehearsed, small), (calibrate(judged, 0.9), alone)):
            ends = intervals(learned, new.lengths, new.evidence, new.hc_mm)
            inside = (new.references >= ends[..., 0]) & (new.references <= ends[..., 1])
            coverage.append(inside[new.hc_mm < 120].mean())
            held += [inside.mean()] if coverage is small else []
    assert np.mean(held) == pytest.approx(0.9, abs=0.02)
    assert np.mean(small) == pytest.approx(0.9, abs=0.03)
    assert np.mean(alone) < np.mean(small) - 0.05


def test_a_rehearsal_promises_nothing_where_too_few_images_judge_the_network_itself():
    truth, predicted, evidence = simulate(np.random.default_rng(6), 100)
    rehearsal = Judged(predicted, truth, evidence, predicted[:, 2])
    few = Judged(predicted[:5], truth[:5], evidence[:5], predicted[:5, 2])
    assert np.isnan(intervals(calibrate(few, 0.9, rehearsal=rehearsal), predicted, evidence, predicted[:, 2])).all()


def test_without_evidence_intervals_grow_with_the_length_alone():
    predicted = np.full((19, 3), 100.0)
    references = predicted + np.arange(19)[:, None]  # the 18th smallest error is 17 %
    learned = calibrate(Judged(predicted, references, np.full((19, 5), np.nan), np.full(19, np.nan)), 0.9)
    lengths = np.array([[50.0, 100.0, 200.0]])
    ends = intervals(learned, lengths, np.full((1, 5), np.nan), np.full(1, np.nan))
    assert ends[0] == pytest.approx(np.stack([0.83 * lengths[0], 1.17 * lengths[0]], axis=-1))


@pytest.mark.parametrize("count", [0, 5])
def test_too_few_calibration_images_give_no_interval(count):
    ones = np.ones((count, 3))
    learned = calibrate(Judged(ones, ones, np.tile(PLAIN, (count, 1)), np.full(count, 3.0)), 0.9)
    none = intervals(learned, np.ones((4, 3)), np.tile(PLAIN, (4, 1)), np.full(4, 3.0))
    assert none.shape == (4, 3, 2) and np.isnan(none).all()


def test_a_calibration_survives_its_file():
    truth, predicted, evidence = simulate(np.random.default_rng(4), 100)
    learned = calibrate(Judged(predicted, truth, evidence, predicted[:, 2]), 0.9)
    again = json.loads(json.dumps(learned))
    assert again["images"] == 100 and again["level"] == 0.9
    both = [intervals(each, predicted, evidence, predicted[:, 2]) for each in (learned, again)]
    assert np.array_equal(*both)


def test_strange_evidence_widens_by_a_finite_amount():
    truth, predicted, evidence = simulate(np.random.default_rng(5), 100)
    learned = calibrate(Judged(predicted, truth, evidence, predicted[:, 2]), 0.9)
    strange = np.array([[0.0, 50.0, 0.0, 0.0, 80.0], [1.0, 0.0, 1.0, 100.0, 0.0], [np.nan] * 5])
    assert np.isfinite(intervals(learned, predicted[:3], strange, predicted[:3, 2])).all()
