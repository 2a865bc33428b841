"""How many images without a head pass for heads."""

import numpy as np
import pandas as pd
import pytest
from test_biometry import LIMITS

from fetal_biometry.images.cache import Shards, write_shard
from fetal_biometry.model.detection import EVIDENCE
from fetal_biometry.model.geometry import ellipse_landmarks
from fetal_biometry.model.landmarks import COLUMNS
from judge_strangers import doubts, look_beside, summarise


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
    found = pd.DataFrame({"image_name": ["a"]}, index=["a"])
    found[list(COLUMNS)] = ellipse_landmarks((400, 270), 150, 120, 0.2).reshape(1, 8)
    found[[*EVIDENCE, "contrast"]] = [confidence, 0.01, height, 0.1, 0.02, 0.8]
    manifest = pd.DataFrame({"width_px": 800, "height_px": 540, "pixel_size_mm": [0.1]}, index=["a"])
    of_each = {"slopes": [0.0] * 5, "quantiles": {"all": share}}
    calibration = {"centre": [0.0] * 5, "spread": [1.0] * 5} | dict.fromkeys(("bpd", "ofd", "hc"), of_each)
    (said,) = doubts(found, manifest, calibration, LIMITS, "outer_to_outer").to_dict("records")
    assert said["flags"] == flags
    assert said["doubt"] == pytest.approx(doubt, rel=0.01)
    faint = calibration | {"least_height": 0.98, "least_confidence": 0.05}
    (own,) = doubts(found, manifest.assign(pixel_size_mm=np.nan), faint, LIMITS, "outer_to_outer").to_dict("records")
    assert own["doubt"] == pytest.approx(max(0.05 / confidence, (1.02 - height) / 0.04, share / 0.1), rel=0.01)
    assert "no pixel size" not in own["flags"] and "low confidence" not in own["flags"]
    (unknown,) = doubts(found, manifest, {}, LIMITS, "outer_to_outer")["doubt"]  # a model without intervals
    assert unknown == pytest.approx(max(0.35 / confidence, (1.02 - height) / 0.52), rel=0.01)


def test_the_operating_point_lets_98_of_100_heads_pass():
    heads = pd.DataFrame({"flags": ["", "low confidence"] * 50, "doubt": np.arange(1, 101) / 100})
    shown = pd.DataFrame({
        "kind": ["head"] * 4 + ["tissue"] * 4 + ["femur"] * 4, "flags": [""] * 3 + ["low confidence"] * 8 + [""],
        "doubt": [0.1, 0.97, 0.98, 3, 2, 3, 4, 5, 0.97, 1.2, 2, 0.5],
    })  # fmt: skip
    summary = summarise(shown, heads)
    assert summary["heads"] == {"n": 100, "without_a_flag": 0.5, "at_operating_point": 0.98}
    assert (heads["doubt"] <= summary["operating_point"]["doubt"]).mean() == 0.98
    assert summary["strangers"] == {"n": 8, "without_a_flag": 1 / 8, "at_operating_point": 2 / 8}
    assert summary["drawn_heads"] == {"n": 4, "without_a_flag": 0.75, "at_operating_point": 0.75}
    femur, tissue = (summary["by_kind"][kind] for kind in ("femur", "tissue"))
    assert femur == {"taught": False, "n": 4, "without_a_flag": 0.25, "at_operating_point": 0.5}
    assert tissue["taught"] and set(summary["by_kind"]) == {"tissue", "femur"} and summary["beside_heads"] is None


def test_beside_a_head_the_broadest_strip_is_looked_at(tmp_path):
    index = [{"image_name": name, "width_px": 800, "height_px": 540} for name in ("left", "filled")]
    heads = [ellipse_landmarks((250, 270), 200, 150, 0.1), ellipse_landmarks((400, 270), 390, 260, 0)]
    columns = np.tile(np.arange(80, dtype=np.uint8), (80, 1))
    write_shard(tmp_path / "cached.npy", index, [columns, columns], (80, 80), np.uint8)
    manifest = pd.DataFrame(index).set_index("image_name", drop=False)
    manifest[list(COLUMNS)] = np.reshape(heads, (2, 8))
    rows, seen = look_beside(manifest, Shards([tmp_path / "cached.npy"]))
    assert rows["image_name"].tolist() == ["left"], "the other head leaves nothing to look at"
    nothing, unseen = look_beside(manifest.loc[["filled"]], Shards([tmp_path / "cached.npy"]))
    assert len(nothing) == 0 and unseen.shape == (0, 80, 80)
    assert rows["height_px"].item() == 540 and rows["width_px"].item() == pytest.approx(800 - 250 - 1.15 * 200, abs=3)
    assert (
        seen.shape == (1, 80, 80)
        and seen[0, 40, 1] == pytest.approx(48, abs=1)
        and seen[0, 40, 77] == pytest.approx(78, abs=1)
    )
