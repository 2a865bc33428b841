"""How many images without a head pass as heads."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fetal_biometry.data.negatives import KINDS, TRAINING_KINDS
from fetal_biometry.errors import InputError
from fetal_biometry.limits import read_limits
from fetal_biometry.measure.negative_test import doubts, known_heads, summarise
from fetal_biometry.model.detection import QUALITY
from fetal_biometry.model.geometry import ellipse_landmarks
from fetal_biometry.terms import COLUMNS

LIMITS = replace(
    read_limits(Path(__file__).parents[2] / "limits.yaml").flags, confidence=0.35, height=0.5, interval=0.1
)


@pytest.mark.parametrize(
    ("confidence", "height", "share", "doubt", "flags"),
    [
        (0.7, 1.0, 0.02, 0.5, ""),
        (0.7, 1.0, 0.05, 0.5, ""),
        (0.7, 1.0, 0.2, 2.0, "uncertain length"),
        (0.7, 0.24, 0.02, 1.5, "no head found"),
        (0.07, 1.0, 0.02, 5.0, "low confidence"),
    ],
)
def test_a_doubt_of_one_and_more_is_flagged(confidence, height, share, doubt, flags):
    """``share`` is half the breadth of an interval; a height of 0.24 lacks 0.78 of the 0.52 that it may lack."""
    found = pd.DataFrame({"image_name": ["a"]}, index=["a"])
    found[list(COLUMNS)] = ellipse_landmarks((400, 270), 150, 120, 0.2).reshape(1, 8)
    found[list(QUALITY)] = np.nan
    found[["confidence", "disagreement", "height", "blur", "contrast"]] = [confidence, 0.01, height, 0.1, 0.8]
    images = pd.DataFrame({"width_px": 800, "height_px": 540, "pixel_size_mm": [0.1]}, index=["a"])
    images["calibrated_regions"] = ""

    def judge(images, calibration):
        return doubts(found, images, SimpleNamespace(calibration=calibration), LIMITS).to_dict("records")[0]

    of_each = {"slopes": [0.0] * 5, "quantiles": {"all": share}}
    calibration = {"centre": [0.0] * 5, "spread": [1.0] * 5} | dict.fromkeys(("bpd", "ofd", "hc"), of_each)
    said = judge(images, calibration)
    assert said["flags"] == flags and said["doubt"] == pytest.approx(doubt, rel=0.01)
    own = judge(images.assign(pixel_size_mm=np.nan), calibration | {"least_height": 0.98, "least_confidence": 0.05})
    assert own["doubt"] == pytest.approx(max(0.05 / confidence, (1.02 - height) / 0.04, share / 0.1), rel=0.01)
    assert "no pixel size" not in own["flags"] and "low confidence" not in own["flags"]
    unknown = judge(images, {})  # a model without intervals
    assert unknown["doubt"] == pytest.approx(max(0.35 / confidence, (1.02 - height) / 0.52), rel=0.01)


def test_the_operating_point_lets_98_of_100_heads_pass():
    heads = pd.DataFrame({"flags": ["", "low confidence"] * 50, "doubt": np.arange(1, 101) / 100})
    shown = pd.DataFrame({
        "kind": ["head"] * 4 + ["tissue"] * 4 + ["femur"] * 4, "flags": [""] * 3 + ["low confidence"] * 8 + [""],
        "doubt": [0.1, 0.97, 0.98, 3, 2, 3, 4, 5, 0.97, 1.2, 2, 0.5],
    })  # fmt: skip
    summary = summarise(shown, heads)
    assert summary["heads"] == {"n": 100, "without_a_flag": 0.5, "at_operating_point": 0.98}
    assert (heads["doubt"] <= summary["operating_point"]["doubt"]).mean() == 0.98
    assert summary["negatives"] == {"n": 8, "without_a_flag": 1 / 8, "at_operating_point": 2 / 8}
    assert summary["drawn_heads"] == {"n": 4, "without_a_flag": 0.75, "at_operating_point": 0.75}
    femur, tissue = (summary["by_kind"][kind] for kind in ("femur", "tissue"))
    assert femur == {"trained_on": False, "n": 4, "without_a_flag": 0.25, "at_operating_point": 0.5}
    assert summary["held_out_kinds"] == {key: value for key, value in femur.items() if key != "trained_on"}
    assert tissue["trained_on"] and set(summary["by_kind"]) == {"tissue", "femur"}
    assert {"tissue"} <= set(TRAINING_KINDS) < set(KINDS)


def test_known_heads_are_valid_test_images_of_examinations_that_the_model_never_saw():
    images = pd.DataFrame(
        [
            ("a1", "a", "test", "valid"), ("a2", "a", "test", "valid"), ("b1", "b", "test", "invalid"),
            ("c1", "c", "test", "valid"), ("d1", "d", "train", "valid"), ("e1", "e", "", ""),
        ],
        columns=["image_name", "examination", "split", "verdict"],
    )  # fmt: skip
    images["sha256"] = [name * 32 for name in images["image_name"]]
    assert known_heads(images, [])["image_name"].tolist() == ["a1", "a2", "c1"]
    assert known_heads(images, [("a2" * 32)[:12]])["image_name"].tolist() == ["c1"], "nor others of that examination"
    with pytest.raises(InputError, match="no valid test label"):
        known_heads(images[images["split"] != "test"], [])
