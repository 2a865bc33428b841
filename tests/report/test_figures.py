"""Numbers as a reader sees them, and what the figures of the report draw."""

import re

import numpy as np
import pandas as pd
import pytest

from fetal_biometry.report import figures, plots, report, wording


@pytest.mark.parametrize(
    "value, text",
    [
        (1.234, "1.23"),
        (12.34, "12.3"),
        (-0.5, "−0.50"),
        (-0.001, "0.00"),
        (9.996, "10.0"),
        (np.nan, "–"),
        (None, "–"),
    ],
)
def test_numbers_are_written_with_a_true_minus(value, text):
    assert wording.number(value) == text


def test_signs_factors_and_durations():
    assert [wording.signed(v) for v in (1.0, -1.0, 0.0, 0.001, None)] == ["+1.00", "−1.00", "0.00", "0.00", "–"]
    assert wording.factor({"mae": 2.0, "constant_mae": 30.0}) == "15×"
    assert wording.factor({"mae": 2.0, "constant_mae": 5.0}) == "2.5×"
    assert (
        wording.factor({"mae": 2.0, "constant_mae": None}) == wording.factor({"mae": 2.0, "constant_mae": np.nan}) == ""
    )
    assert [wording.duration(s) for s in (9.4, 333.3, 7260)] == ["9 s", "5 min 33 s", "2 h 1 min"]


@pytest.mark.parametrize("low, high", [(0, 1), (-3.3, 8.9), (1e-4, 3e-4), (0, 0.07), (44, 346)])
def test_ticks_are_round_and_inside(low, high):
    ticks = plots.nice_ticks(low, high)
    step = np.diff(ticks)
    assert 2 <= len(ticks) <= 6
    assert np.allclose(step, step[0])
    assert ticks[0] >= low - 1e-9 and ticks[-1] <= high + 1e-9
    assert f"{step[0]:.0e}"[0] in "125"


def test_the_error_by_share_kept_ends_at_the_mean_of_all(labelled_run):
    rows = report.measured_rows(labelled_run)
    rows = rows[(rows["split"] == "test") & (rows["verdict"] == "valid")]
    many = pd.concat([rows] * 4, ignore_index=True)
    said = re.search(r"HC ([\d.]+) % on all", figures.risk_figure(many).svg)[1]
    assert float(said) == pytest.approx(100 * rows["hc_relative"].abs().mean(), abs=0.06)
    assert figures.risk_figure(rows.head(5)) is None
    assert figures.risk_figure(many.assign(hc_low=np.nan, bpd_low=np.nan, ofd_low=np.nan)) is None


def test_validation_errors_are_drawn_in_pixels_and_left_out_where_none_were_taken(labelled_run):
    history, metrics = labelled_run.history, labelled_run.metrics
    loss, validation = figures.training_figures(history, metrics)
    assert f"{wording.number(history['validation_hc_mae_px'].iloc[-1])}," in validation.svg and ", px" in validation.svg
    taken = history.filter(like="validation").columns
    for untaken in (history.assign(**dict.fromkeys(taken, np.nan)), history.drop(columns=taken)):
        (alone,) = figures.training_figures(untaken, metrics)
        assert alone.svg.count("<polyline") == loss.svg.count("<polyline") - 1
