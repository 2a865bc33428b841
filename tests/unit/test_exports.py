"""The tables that other programs read."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from test_biometry import OTHER, OUTER, calibration, found_heads, images
from test_flags import HEAD, LIMITS

from fetal_biometry.measure.biometry import measure
from fetal_biometry.measure.exports import EXPORTS
from fetal_biometry.measure.lengths import outer_lengths
from fetal_biometry.model.geometry import landmarks_to_ellipse
from fetal_biometry.terms import LENGTHS, Calliper


def measured(pixel_sizes=(0.1, np.nan), **more):
    """Two heads, the second without a pixel size."""
    return measure(found_heads(), images(list(pixel_sizes)), calibration(0.08, **more), LIMITS, OUTER)


def export(name, table):
    """As another program reads it."""
    return pd.read_csv(io.StringIO(EXPORTS[name](table)))


def test_the_landmark_challenge_s_table():
    task = export("taskA_predictions.csv", measured())
    assert list(task) == ["image_name", "x1", "y1", "x2", "y2", "x3", "y3", "x4", "y4", "bpd", "ofd"]
    assert task.loc[0, "x1":"y4"].to_numpy(dtype=float) == pytest.approx(HEAD.ravel(), abs=1e-3)
    assert (task["bpd"][0], task["ofd"][0]) == pytest.approx((300, 400), abs=1e-3)


def test_the_baseline_s_table_has_both_units():
    table = measured()
    results = export("HC_results.csv", table)
    assert list(results) == ["image_name", "bpd_px", "ofd_px", "hc_px", "bpd_mm", "ofd_mm", "hc_mm"]
    assert list(results["hc_px"]) == list(table["hc_px"])
    assert results["hc_mm"].isna().tolist() == [False, True]


@pytest.mark.parametrize("calliper", list(map(str, Calliper)))
def test_the_hc18_submission_is_the_ellipse_in_millimetres(calliper):
    """The one whose lengths are reported."""
    submission = export("hc18_submission.csv", measured(calliper=calliper))
    assert list(submission["filename"]) == ["000_HC.png"]
    row = submission.iloc[0]
    centre, _, _, angle = landmarks_to_ellipse(HEAD)
    bpd, ofd, _ = outer_lengths(HEAD[None], np.array([0.1]), Calliper(calliper))[0]
    assert (row.center_x_mm, row.center_y_mm) == pytest.approx(tuple(0.1 * centre), abs=1e-3)
    assert (2 * row.semi_axes_a_mm, 2 * row.semi_axes_b_mm) == pytest.approx((ofd, bpd), abs=1e-3)
    assert row.angle_rad == pytest.approx(angle, abs=1e-4)


def test_without_pixel_sizes_the_submission_is_empty_but_has_its_columns():
    submission = export("hc18_submission.csv", measured((np.nan, np.nan)))
    assert len(submission) == 0
    assert submission.columns[0] == "filename" and len(submission.columns) == 6


def test_measurements_are_plain_values_with_their_units():
    def refuse(text):
        raise AssertionError(f"{text} is no JSON")

    first, second = json.loads(EXPORTS["measurements.json"](measured()), parse_constant=refuse)
    assert first["image"] == "000_HC.png" and first["pixel_size_mm"] == [0.1, 0.1] and first["flags"] == []
    assert first["bpd"] == {"value": 30, "low": pytest.approx(27.6), "high": pytest.approx(32.4), "unit": "mm"}
    assert first["hc"]["low"] < first["hc"]["value"] < first["hc"]["high"]
    assert first["landmarks_px"]["ofd_1"] == pytest.approx(HEAD[0].tolist(), abs=1e-3)
    assert second["ofd"] == {"value": 200, "low": pytest.approx(184), "high": pytest.approx(216), "unit": "px"}
    assert second["landmarks_px"]["bpd_2"] == pytest.approx(OTHER[3].tolist(), abs=1e-3)
    assert second["pixel_size_mm"] is None and second["flags"] == ["low confidence", "no pixel size"]


def test_what_is_unknown_is_null():
    table = measure(found_heads(confidence=(np.nan, np.nan)), images([0.1, np.nan]), {}, LIMITS, OUTER)
    for entry in json.loads(EXPORTS["measurements.json"](table)):
        assert entry["confidence"] is None
        assert all(entry[name]["low"] is None and entry[name]["value"] > 0 for name in LENGTHS)
