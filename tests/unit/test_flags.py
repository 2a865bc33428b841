"""Each flag has its cause, and its limit is in limits.yaml."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fetal_biometry.limits import read_limits
from fetal_biometry.measure.flags import FLAGS, Measured, doubts_of, flag_heads, own_limits
from fetal_biometry.measure.lengths import reported_lengths
from fetal_biometry.model.geometry import ellipse_landmarks
from fetal_biometry.terms import Calliper

LIMITS = read_limits(Path(__file__).parents[2] / "limits.yaml").flags
QUALITY = {
    "confidence": 0.9, "disagreement": 0.01, "contrast": 0.8, "straight_edge": 0.1,
    "faint": False, "absent": False, "two_heads": False, "contradicted": False,
}  # fmt: skip
HEAD = ellipse_landmarks((400, 270), 200, 150, 0.3)


def turned(points, degrees):
    """The short diameter turned about its middle."""
    angle, middle = np.deg2rad(degrees), points[2:].mean(axis=0)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.vstack([points[:2], (points[2:] - middle) @ rotation.T + middle])


def flags(points, confidence=0.9, margins=(0.02, 0.03, 0.02), hc_mm=200.0, pixel=(0.2, 0.2), **quality):
    """Flags of one head without that of an unknown pixel size, which ``hc_mm=nan`` means."""
    quality = pd.DataFrame([QUALITY | {"confidence": confidence} | quality])
    pixel_size = np.array([pixel]) * (1 if np.isfinite(hc_mm) else np.nan)
    lengths = reported_lengths(points[None], pixel_size, Calliper.OUTER_TO_OUTER)
    lengths[:, 2] = hc_mm
    sizes = np.array([[800.0, 540.0]])
    heads = Measured(points[None], sizes, pixel_size, lengths, quality, np.array([margins]))
    raised = flag_heads(heads, LIMITS)[0]
    assert ("no pixel size" in raised) == np.isnan(hc_mm)
    return doubts_of([raised])[0]


def test_a_head_is_faint_or_absent():
    assert flags(HEAD, faint=True) == "faint head"
    assert flags(HEAD, faint=True, absent=True) == "no head found;faint head"


def test_every_flag_can_be_raised_and_is_explained():
    worst = {"contrast": 0} | dict.fromkeys(("disagreement", "faint", "absent", "two_heads"), True)
    nowhere = flags(np.full((4, 2), -1.0), 0, (1, 1, 1), 1, **worst).split(";")
    crossed = flags(np.add(turned(HEAD, 20), [[0, 0], [0, 0], [0, 90], [0, 90]])).split(";")
    other_size = flags(HEAD, contradicted=True).split(";")
    assert {*nowhere, *crossed, *other_size} == {flag.name for flag in FLAGS if flag.doubts_head}
    assert [flag.name for flag in FLAGS if not flag.doubts_head] == ["no pixel size"]
    assert all(flag.meaning for flag in FLAGS) and not any(";" in flag.name for flag in FLAGS)


def test_two_estimates_apart_and_a_dull_image_are_flagged():
    assert flags(HEAD, disagreement=0.11) == "estimates disagree" and flags(HEAD, disagreement=np.nan) == ""
    assert flags(HEAD, contrast=0.19) == "poor contrast"


def test_what_hides_a_head_has_a_straight_edge():
    assert flags(HEAD, straight_edge=0.44) == "" and flags(HEAD, straight_edge=0.46) == "head cut off"


@pytest.mark.parametrize("hc_mm", [44.3, 346.4])  # the smallest and the largest of HC18
def test_a_pixel_size_in_another_unit_is_flagged(hc_mm):
    assert flags(HEAD, hc_mm=hc_mm) == "" and flags(HEAD, hc_mm=np.nan) == ""
    assert flags(HEAD, hc_mm=hc_mm / 10) == flags(HEAD, hc_mm=10 * hc_mm) == "implausible HC"


def test_a_model_says_itself_how_sure_it_is_of_heads():
    assert own_limits(LIMITS, {}) == own_limits(LIMITS, {"least_confidence": 0.6}) == LIMITS
    assert own_limits(LIMITS, {"least_confidence": 0.2}) == LIMITS.model_copy(update={"confidence": 0.2})


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
        (np.add(HEAD, [2 - HEAD[:, 0].min(), 0]), 0.9, "head cut off"),
        (np.add(HEAD, [0, 540 - 3 - HEAD[:, 1].max()]), 0.9, "head cut off"),
        (ellipse_landmarks((400, 172), 220, 170, np.pi / 4), 0.9, "head cut off"),  # the ends lie inside
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
