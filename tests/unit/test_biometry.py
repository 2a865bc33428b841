"""Predictions table, flags, log line and the tables that other programs read."""

import json

import numpy as np
import pandas as pd
import pytest

from fetal_biometry.frames import points_of
from fetal_biometry.measure.biometry import (
    FLAGS,
    UNSCALED,
    describe_measurements,
    describe_row,
    export_tables,
    flag_heads,
    head_pixel_sizes,
    measure,
    outer_lengths,
    own_limits,
    reported_lengths,
    tabulate,
)
from fetal_biometry.model.detection import EVIDENCE
from fetal_biometry.model.geometry import all_lengths, ellipse_landmarks, head_circumference, landmarks_to_ellipse
from fetal_biometry.model.landmarks import COLUMNS

UNCALIBRATED = {"centre": [0.0] * 5, "spread": [1.0] * 5} | {
    length: {"slopes": [0.0] * 5, "quantiles": {}} for length in ("bpd", "ofd", "hc")
}
LIMITS = {  # config.yaml's
    "confidence": 0.35,
    "interval": 0.1,
    "cephalic_index_low": 0.65,
    "cephalic_index_high": 0.95,
    "hc_low_mm": 40,
    "hc_high_mm": 420,
    "angle_deg": 15,
    "midpoint_distance": 0.1,
    "border_px": 3,
    "height": 0.5,
    "disagreement": 0.1,
    "contrast": 0.2,
}
EVIDENT = {"confidence": 0.9, "height": 1.0, "disagreement": 0.01, "contrast": 0.8}
HEAD = ellipse_landmarks((400, 270), 200, 150, 0.3)
OTHER = ellipse_landmarks((380, 250), 100, 80, -0.5)


def turned(points, degrees):
    """The short diameter turned about its middle."""
    angle, middle = np.deg2rad(degrees), points[2:].mean(axis=0)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.vstack([points[:2], (points[2:] - middle) @ rotation.T + middle])


def flags(points, confidence=0.9, margins=(0.02, 0.03, 0.02), hc_mm=200.0, pixel=(0.2, 0.2), **evidence):
    evidence = pd.DataFrame([EVIDENT | {"confidence": confidence} | evidence])
    pixel_size = np.array([pixel]) * (1 if np.isfinite(hc_mm) else np.nan)
    lengths = reported_lengths(points[None], pixel_size, "outer_to_outer")
    lengths[:, 2] = hc_mm
    sizes = np.array([[800.0, 540.0]])
    return flag_heads(points[None], sizes, pixel_size, lengths, evidence, np.array([margins]), LIMITS)[0]


def test_where_the_filled_head_is_hardly_drawn_there_is_none():
    assert flags(HEAD, height=0.4) == "no head found"
    assert flags(HEAD, height=np.nan) == ""  # a decoder that reads none


def test_every_flag_is_explained():
    nowhere = flags(np.full((4, 2), -1.0), 0, (1, 1, 1), 1, height=0, disagreement=1, contrast=0).split(";")
    crossed = flags(np.add(turned(HEAD, 20), [[0, 0], [0, 0], [0, 90], [0, 90]])).split(";")
    assert {*nowhere, *crossed, UNSCALED} == set(FLAGS)


def test_two_estimates_apart_and_a_dull_image_are_flagged():
    assert flags(HEAD, disagreement=0.11) == "estimates disagree" and flags(HEAD, disagreement=np.nan) == ""
    assert flags(HEAD, contrast=0.19) == "poor contrast"


@pytest.mark.parametrize("hc_mm", [44.3, 346.4])  # the smallest and the largest of HC18
def test_a_pixel_size_in_another_unit_is_flagged(hc_mm):
    assert flags(HEAD, hc_mm=hc_mm) == "" and flags(HEAD, hc_mm=np.nan) == ""
    assert flags(HEAD, hc_mm=hc_mm / 10) == flags(HEAD, hc_mm=10 * hc_mm) == "implausible HC"


def test_a_model_says_itself_how_faint_heads_may_be():
    assert own_limits(LIMITS, {}) == own_limits(LIMITS, {"least_height": 0.3, "least_confidence": 0.6}) == LIMITS
    assert own_limits(LIMITS, {"least_height": 0.97})["height"] == 0.97
    assert own_limits(LIMITS, {"least_confidence": 0.2}) == {**LIMITS, "confidence": 0.2}


def test_a_length_that_may_be_far_off_is_flagged():
    assert flags(HEAD, margins=(0.02, 0.11, 0.05)) == "uncertain length"
    assert flags(HEAD, margins=(np.nan,) * 3) == ""


@pytest.mark.parametrize(
    ("points", "confidence", "flag"),
    [
        (HEAD, 0.9, ""),
        (HEAD, 0.3, "low confidence"),
        (HEAD, np.nan, ""),  # a network that cannot tell
        (ellipse_landmarks((400, 270), 200, 120, 0.3), 0.9, "unusual cephalic index"),
        (ellipse_landmarks((400, 270), 200, 196, 0.3), 0.9, "unusual cephalic index"),
        (turned(HEAD, 14), 0.9, ""),
        (turned(HEAD, -16), 0.9, "diameters not perpendicular"),
        (np.add(HEAD, [[0, 0], [0, 0], [0, 40], [0, 40]]), 0.9, "diameters off centre"),
        (np.add(HEAD, [2 - HEAD[:, 0].min(), 0]), 0.9, "head at the image border"),
        (np.add(HEAD, [0, 540 - 3 - HEAD[:, 1].max()]), 0.9, "head at the image border"),
        (ellipse_landmarks((400, 172), 220, 170, np.pi / 4), 0.9, "head at the image border"),  # the ends lie inside
        (ellipse_landmarks((400, 220), 220, 170, np.pi / 4), 0.9, ""),
        (np.full((4, 2), 100.0), 0.1, "low confidence;unusual cephalic index"),
    ],
)
def test_each_flag_has_its_cause(points, confidence, flag):
    assert flags(points, confidence) == flag


def test_a_head_has_its_shape_where_pixels_are_no_squares():
    pixel = np.array([0.2, 0.1])
    upright = ellipse_landmarks((80, 27), 20, 15, 0.6) / pixel  # in mm, then pixels
    assert flags(upright, pixel=pixel) == ""
    assert flags(upright) == "diameters not perpendicular"


@pytest.fixture
def table():
    """Two heads, the second without a pixel size."""
    names = ["000_HC.png", "001_HC.png"]
    found = pd.DataFrame({"image_name": names}, index=names)
    found[list(COLUMNS)] = np.reshape([HEAD, OTHER], (2, 8))
    found = found.assign(**{**EVIDENT, "confidence": [0.9, 0.123456]})
    manifest = pd.DataFrame({"width_px": 800, "height_px": 540, "pixel_size_mm": [0.1, np.nan]}, index=names)
    intervals = all_lengths(np.array([HEAD, OTHER]))[..., None] * [0.92, 1.08]
    pixel_size = head_pixel_sizes(manifest, points_of(found))
    return tabulate(
        found, manifest, pixel_size, intervals * np.array([0.1, 1.0])[:, None, None], LIMITS, "outer_to_outer"
    )


def test_lengths_in_pixels_and_where_known_in_millimetres(table):
    lengths = all_lengths(np.array([HEAD, OTHER]))
    for column, name in enumerate(("bpd", "ofd", "hc")):
        assert table[f"{name}_px"].to_numpy() == pytest.approx(lengths[:, column], abs=1e-3)
        assert table[f"{name}_mm"][0] == pytest.approx(lengths[0, column] * 0.1, abs=1e-3)
        assert np.isnan(table[f"{name}_mm"][1])
        assert table[f"{name}_low"].to_numpy() == pytest.approx(0.92 * lengths[:, column] * [0.1, 1], abs=1e-3)
        assert table[f"{name}_high"].to_numpy() == pytest.approx(1.08 * lengths[:, column] * [0.1, 1], abs=1e-3)
    assert points_of(table) == pytest.approx(np.array([HEAD, OTHER]), abs=1e-3)
    assert list(table["flags"]) == ["", "low confidence;no pixel size"]
    assert table["confidence"][1] == 0.1235


def test_the_log_line_shows_millimetres_where_known(table):
    first, second = map(describe_row, table.itertuples())
    circumference = all_lengths(HEAD)[2] * 0.1
    assert first == (
        f"000_HC.png → BPD: 300.00 px | OFD: 400.00 px | BPD: 30.00 mm | OFD: 40.00 mm | HC: {circumference:.2f} mm"
    )
    assert second == "001_HC.png → BPD: 160.00 px | OFD: 200.00 px | low confidence;no pixel size"


def test_other_programs_tables(table):
    exports = export_tables(table, np.array([0.1, np.nan]))
    task = exports["taskA_predictions.csv"]
    assert list(task) == ["image_name", "x1", "y1", "x2", "y2", "x3", "y3", "x4", "y4", "bpd", "ofd"]
    assert task.loc[0, "x1":"y4"].to_numpy(dtype=float) == pytest.approx(HEAD.ravel(), abs=1e-3)
    assert (task["bpd"][0], task["ofd"][0]) == pytest.approx((300, 400), abs=1e-3)
    assert list(exports["HC_results.csv"]["hc_px"]) == list(table["hc_px"])


def test_the_hc18_submission_is_the_ellipse_in_millimetres(table):
    submission = export_tables(table, np.array([0.1, np.nan]))["hc18_submission.csv"]
    assert list(submission["filename"]) == ["000_HC.png"]
    row = submission.iloc[0]
    centre, semi_long, semi_short, angle = landmarks_to_ellipse(HEAD)
    assert (row.center_x_mm, row.center_y_mm) == pytest.approx(tuple(0.1 * centre), abs=1e-3)
    assert (row.semi_axes_a_mm, row.semi_axes_b_mm) == pytest.approx((0.1 * semi_long, 0.1 * semi_short), abs=1e-3)
    assert row.angle_rad == pytest.approx(angle, abs=1e-4)


def test_measurements_are_plain_values_with_their_units(table):
    entries = json.loads(json.dumps(describe_measurements(table, np.array([0.1, np.nan])), allow_nan=False))
    first, second = entries
    assert first["image"] == "000_HC.png" and first["pixel_size_mm"] == [0.1, 0.1] and first["flags"] == []
    assert first["bpd"]["unit"] == "mm" and first["bpd"]["value"] == pytest.approx(30)
    assert first["hc"]["low"] < first["hc"]["value"] < first["hc"]["high"]
    assert first["landmarks_px"]["ofd_1"] == pytest.approx(HEAD[0].tolist(), abs=1e-3)
    assert second["ofd"]["unit"] == "px" and second["ofd"]["value"] == pytest.approx(200)
    assert second["pixel_size_mm"] is None and second["flags"] == ["low confidence", "no pixel size"]


def test_without_pixel_sizes_the_submission_is_empty_but_has_its_columns(table):
    submission = export_tables(table, np.array([np.nan, np.nan]))["hc18_submission.csv"]
    assert len(submission) == 0
    assert submission.columns[0] == "filename" and len(submission.columns) == 6


def test_inner_callipers_are_converted_in_millimetres_and_hc_with_them():
    bpd, ofd, _ = all_lengths(HEAD) * 0.1
    found = outer_lengths(HEAD[None], np.array([0.1]), "outer_to_inner")[0]
    assert found[0] == pytest.approx(0.555934 + 1.027318 * bpd)  # Wong et al. 2018
    assert found[1] == pytest.approx(ofd)
    assert found[2] == pytest.approx(head_circumference(found[0], ofd))
    assert outer_lengths(HEAD[None], np.array([0.1]), "outer_to_outer")[0] == pytest.approx(all_lengths(HEAD) * 0.1)


@pytest.mark.parametrize("configured", ["outer_to_outer", "outer_to_inner"])
def test_a_model_says_itself_how_its_labels_took_bpd(configured):
    """And the ellipse for HC18's challenge is the one whose lengths are reported."""
    found = pd.DataFrame({"image_name": ["a"]}, index=["a"])
    found[list(COLUMNS)], found[[*EVIDENCE, "contrast"]] = HEAD.reshape(1, 8), 0.9
    manifest = pd.DataFrame({"width_px": 800, "height_px": 540, "pixel_size_mm": [0.1]}, index=["a"])
    for stated in ("outer_to_outer", "outer_to_inner"):
        table, pixel_size = measure(found, manifest, UNCALIBRATED | {"calliper": stated}, LIMITS, configured)
        expected = outer_lengths(HEAD[None], np.array([0.1]), stated)[0]
        assert table[["bpd_mm", "ofd_mm", "hc_mm"]].to_numpy()[0] == pytest.approx(expected, abs=1e-3)
        axes = export_tables(table, pixel_size)["hc18_submission.csv"][["semi_axes_b_mm", "semi_axes_a_mm"]]
        assert 2 * axes.to_numpy()[0] == pytest.approx(expected[:2], abs=1e-3)
    silent, _ = measure(found, manifest, UNCALIBRATED, LIMITS, configured)
    expected = outer_lengths(HEAD[None], np.array([0.1]), configured)[0, 0]
    assert silent["bpd_mm"].item() == pytest.approx(expected, abs=1e-3)


def test_without_a_pixel_size_nothing_is_converted():
    found = reported_lengths(np.array([HEAD, HEAD]), np.array([np.nan, 0.1]), "outer_to_inner")
    assert found[0] == pytest.approx(all_lengths(HEAD))
    assert found[1] == pytest.approx(outer_lengths(HEAD[None], np.array([0.1]), "outer_to_inner")[0])
