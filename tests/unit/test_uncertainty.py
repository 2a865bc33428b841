"""Intervals hold as often as they say, by simulation."""

import numpy as np
import pytest

from fetal_biometry.uncertainty import conformal_quantile, relative_intervals


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


def test_the_order_of_errors_does_not_matter():
    errors = np.random.default_rng(1).exponential(size=40)
    assert conformal_quantile(errors, 0.9) == conformal_quantile(np.sort(errors)[::-1], 0.9)


def test_intervals_hold_true_lengths_as_often_as_asked():
    rng = np.random.default_rng(2)
    held = []
    for _ in range(300):
        truth = rng.uniform(50, 300, (110, 3))
        predicted = truth * (1 + rng.normal(0, [0.02, 0.04, 0.01], (110, 3)))
        intervals = relative_intervals(predicted[60:], predicted[:60], truth[:60], 0.9)
        held.append(((truth[60:] >= intervals[..., 0]) & (truth[60:] <= intervals[..., 1])).mean(axis=0))
    assert np.mean(held, axis=0) == pytest.approx(0.9, abs=0.02)


def test_intervals_grow_with_the_length_and_lie_about_it():
    calibration = np.full((19, 3), 100.0)
    references = calibration + np.arange(19)[:, None]  # the 18th smallest error is 17 %
    lengths = np.array([[50.0, 100.0, 200.0]])
    intervals = relative_intervals(lengths, calibration, references, 0.9)
    assert intervals.shape == (1, 3, 2)
    assert intervals[0, :, 0] == pytest.approx(0.83 * lengths[0])
    assert intervals[0, :, 1] == pytest.approx(1.17 * lengths[0])


@pytest.mark.parametrize("count", [0, 5])
def test_too_few_calibration_images_give_no_interval(count):
    none = relative_intervals(np.ones((4, 3)), np.ones((count, 3)), np.ones((count, 3)), 0.9)
    assert none.shape == (4, 3, 2) and np.isnan(none).all()
