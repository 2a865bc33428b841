"""How many images without a head pass as heads."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from test_biometry import calibration, found_heads, images
from test_flags import HEAD, LIMITS

from fetal_biometry.data.negatives import KINDS, TRAINING_KINDS
from fetal_biometry.errors import InputError
from fetal_biometry.measure.negative_test import doubts, known_heads, summarise


@pytest.mark.parametrize(
    ("confidence", "height", "share", "flags"),
    [
        (0.7, 1.0, 0.05, ""),
        (0.7, 1.0, 0.2, "uncertain length"),
        (0.7, 0.24, 0.02, "faint head"),
        (0.07, 1.0, 0.02, "low confidence"),
    ],
)
def test_what_doubts_a_head_is_told_apart_from_a_missing_pixel_size(confidence, height, share, flags):
    """``share`` is half the breadth of an interval."""
    found = found_heads([HEAD], [confidence]).assign(height=height)
    said = doubts(found, images([np.nan]), SimpleNamespace(calibration=calibration(share)), LIMITS).to_dict("records")
    assert said == [{"flags": flags, "measured": 1}]


def test_what_passes_is_counted_by_kind():
    heads = pd.DataFrame({"flags": ["", "low confidence"] * 50, "measured": [1] * 98 + [0] * 2})
    shown = pd.DataFrame({
        "kind": ["head"] * 4 + ["tissue"] * 4 + ["femur"] * 4, "flags": [""] * 3 + ["low confidence"] * 8 + [""],
        "measured": [1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 1],
    })  # fmt: skip
    summary = summarise(shown, heads)
    assert summary["heads"] == {"n": 100, "without_a_flag": 0.5, "with_lengths": 0.98}
    assert summary["negatives"] == {"n": 8, "without_a_flag": 1 / 8, "with_lengths": 2 / 8}
    assert summary["drawn_heads"] == {"n": 4, "without_a_flag": 0.75, "with_lengths": 1}
    femur, tissue = (summary["by_kind"][kind] for kind in ("femur", "tissue"))
    assert femur == {"trained_on": False, "n": 4, "without_a_flag": 0.25, "with_lengths": 0.5}
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
