"""Every figure against numbers worked out by hand."""

import numpy as np
import pytest

from fetal_biometry.model.geometry import ellipse_landmarks, resize_points
from fetal_biometry.report.bootstrap import bootstrap_interval, limits_interval
from fetal_biometry.report.repeats import Repeats
from fetal_biometry.report.statistics import (
    endpoint_errors,
    length_errors,
    mean_landmarks,
)

HEADS = np.array([ellipse_landmarks((400, 270), 200, 150, 0.3), ellipse_landmarks((380, 250), 100, 80, -0.5)])


def test_length_errors_by_hand():
    predicted, reference = np.array([10.0, 23.0, 29.0]), np.array([10.0, 20.0, 30.0])  # errors 0, 3, -1
    interval = np.array([[9, 11], [21, 25], [28, 30]])  # holds the first and, at its very end, the third
    found = length_errors(
        predicted, reference, np.full(3, 20.0), ["a", "a", "b"], interval, flagged=np.array([True, False, True])
    )
    shares = np.array([0, 3 / 20, -1 / 30])
    spread = np.sqrt(13 / 3)  # squares of -2/3, 7/3 and -5/3 add up to 26/3, over 2
    limits, shares_off = ("relative_loa_low", "relative_loa_high"), ("over_10_percent", "unflagged_over_10_percent")
    named = ("mae", "bias", "coverage", *limits, *shares_off)
    drawn = {f"{name}_{end}": found.pop(f"{name}_{end}") for name in named for end in ("low", "high")}
    for name in shares_off:
        assert drawn[f"{name}_low"] == pytest.approx(0.0615, abs=1e-3) and drawn[f"{name}_high"] == pytest.approx(
            0.792, abs=1e-3
        )
    assert drawn["coverage_low"] < found["coverage"] < drawn["coverage_high"]
    assert drawn["mae_low"] <= found["mae"] <= drawn["mae_high"] and drawn["bias_low"] <= found["bias"]
    assert found == pytest.approx(
        {
            "n": 3,
            "mae": 4 / 3,
            "median": 1,
            "p95": 2.8,  # nine tenths of the way from 1 to 3
            "bias": 2 / 3,
            "loa_low": 2 / 3 - 1.96 * spread,
            "loa_high": 2 / 3 + 1.96 * spread,
            "relative_loa_low": shares.mean() - 1.96 * shares.std(ddof=1),
            "relative_loa_high": shares.mean() + 1.96 * shares.std(ddof=1),
            "over_10_percent": 1 / 3,
            "unflagged_over_10_percent": 1 / 3,
            "constant_mae": 20 / 3,
            "coverage": 2 / 3,
        }
    )


def test_limits_of_agreement_have_an_interval_that_holds_them_as_often_as_it_says():
    rng, held = np.random.default_rng(5), 0
    for _ in range(200):
        found = limits_interval(rng.normal(0.01, 0.02, 120), list(map(str, range(120))))
        true = np.array([0.01 - 1.96 * 0.02, 0.01 + 1.96 * 0.02])
        held += ((found[:, 0] <= true) & (true <= found[:, 1])).sum()
    assert 0.88 < held / 400 < 0.99
    assert np.isnan(limits_interval(np.ones(3), ["a"] * 3)).all()


def test_one_image_has_no_limits_of_agreement():
    found = length_errors(np.array([12.0]), np.array([10.0]), np.array([10.0]), ["a"])
    assert found["loa_low"] is found["loa_high"] is found["relative_loa_low"] is found["coverage"] is None
    assert found["unflagged_over_10_percent"] is None
    assert found["bias"] == found["mae"] == found["p95"] == 2


def test_intervals_that_are_not_known_have_no_coverage():
    one = np.array([12.0])
    assert length_errors(one, one, one, ["a"], np.full((1, 2), np.nan))["coverage"] is None


def test_the_bootstrap_draws_examinations_not_images():
    rng = np.random.default_rng(2)
    values = rng.normal(5, 1, 400)
    low, high = bootstrap_interval(values, np.arange(400))
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)  # the normal theory's width
    repeated = bootstrap_interval(np.repeat(values[:100], 4), np.repeat(np.arange(100), 4))
    assert repeated[1] - repeated[0] == pytest.approx(2 * 1.96 * values[:100].std() / 10, rel=0.15)


def test_endpoint_errors_by_hand():
    truth = np.array([[[0, 0], [10, 0], [5, -4], [5, 4]]], dtype=float)
    found = np.array([[[10, 1], [0, 0], [5, -2], [8, 8]]], dtype=float)  # the OFD's ends are exchanged
    per_px = np.array([0.5])
    matched = endpoint_errors(found, truth, per_px, ["a"])
    one = {"nme": 0.05, "nme_low": 0.05, "nme_high": 0.05}  # examination, so that each draw is the same
    assert matched["ofd"] == pytest.approx({"mean": 0.25, **one})
    # BPD: 2 along its axis at one end, 4 along and 3 across at the other
    one = dict.fromkeys(one, 3.5 / 8)
    assert matched["bpd"] == pytest.approx({"mean": 1.75, **one})


def test_endpoint_errors_turn_with_the_image():
    rng = np.random.default_rng(1)
    found = HEADS + rng.normal(0, 5, HEADS.shape)
    rotation = np.array([[np.cos(1.0), -np.sin(1.0)], [np.sin(1.0), np.cos(1.0)]])
    straight = endpoint_errors(found, HEADS, np.ones(2), ["a", "b"])
    turned = endpoint_errors(found @ rotation.T, HEADS @ rotation.T, np.ones(2), ["a", "b"])
    for length in ("bpd", "ofd"):
        assert turned[length] == pytest.approx(straight[length])


def test_the_constant_is_the_mean_in_fractions_of_the_frame():
    sizes = np.array([[800, 540], [400, 270]])
    points = np.array([HEADS[0], resize_points(HEADS[0], (800, 540), (400, 270))])  # one head, two resolutions
    constant = mean_landmarks(points, sizes)
    assert constant.shape == (4, 2)
    assert resize_points(constant, (1, 1), (800, 540)) == pytest.approx(HEADS[0])


def measured_twice(heads: int, model_sd: float, reference_sd: float) -> tuple:
    """Lengths by a model and by a reference of heads imaged twice, in planes 3 % apart, and each one's examination."""
    rng = np.random.default_rng(0)
    true = rng.uniform(20, 90, heads).repeat(2) * np.exp(rng.normal(0, 0.03, 2 * heads))
    noisy = [true * np.exp(rng.normal(0, sd, 2 * heads)) for sd in (model_sd, reference_sd)]
    return *noisy, np.arange(heads).repeat(2)


def test_repeats_tell_whose_noise_an_error_is():
    noise = Repeats(*measured_twice(3000, 0.01, 0.02)).noise()
    for name, sd in (("model", 0.01), ("reference", 0.02)):
        assert noise[name] == pytest.approx(sd, rel=0.1)
        assert noise[f"{name}_low"] < noise[name] < noise[f"{name}_high"]


def test_a_model_without_error_is_off_by_the_floor():
    truth, labels, examinations = measured_twice(20000, 0.0, 0.02)
    small = truth < 50
    floor = Repeats(truth, labels, examinations).floor([(small, 30.0), (~small, 10.0)])
    error = np.abs(truth - labels)
    assert floor["floor"] == pytest.approx(0.75 * error[small].mean() + 0.25 * error[~small].mean(), rel=0.06)
    assert floor["floor_low"] < floor["floor"] < floor["floor_high"]
    assert Repeats(truth, labels, examinations).floor([(small, 0.0)]) == {}


def test_single_images_and_other_planes_tell_nothing_of_noise():
    model, reference, examinations = measured_twice(40, 0.01, 0.02)
    single = Repeats(model, reference, np.arange(80))
    assert single.noise() == single.floor([(model > 0, 80.0)]) == {}
    apart = np.tile([1.0, 1.5], 40)
    assert Repeats(model * apart, reference * apart, examinations).noise() == {}
    assert Repeats(model, reference, examinations).noise()["pairs"] > 35
