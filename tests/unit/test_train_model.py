"""What training does with suspect labels."""

import numpy as np
import pandas as pd
import pytest

from fetal_biometry.errors import InputError
from fetal_biometry.frames import points_of
from fetal_biometry.model.geometry import ellipse_landmarks
from fetal_biometry.model.landmarks import COLUMNS
from train_model import treat_suspects

NAMES = ["a", "b", "c"]
LABEL, FOUND = ellipse_landmarks((50, 50), 30, 20, 0.1), ellipse_landmarks((60, 55), 25, 20, 0.2)
LIMITS = {
    "shortest_ratio": 0.6, "longest_ratio": 1.05, "midpoint_distance": 0.17, "angle_deg": 20, "shortest_diameter": 0.1,
}  # fmt: skip
SETTINGS = {"suspect_weight": 0.2, "repair_confidence": 0.6, "limits": LIMITS}


@pytest.fixture
def tables():
    """Three labels, of which b is suspect and c doubtful; the network was sure of b only."""
    manifest = pd.DataFrame(np.tile(LABEL.ravel(), (3, 1)), columns=list(COLUMNS), index=NAMES)
    manifest[["width_px", "height_px"]] = 128, 96
    audit = pd.DataFrame({"verdict": ["sound", "suspect", "doubtful"]}, index=NAMES)
    found = pd.DataFrame(np.tile(FOUND.ravel(), (3, 1)), columns=list(COLUMNS), index=NAMES)
    return manifest, audit, found.assign(confidence=[0.9, 0.8, 0.3])


@pytest.mark.parametrize(
    ("policy", "weights"),
    [
        ("drop", [1, 0, 0]),
        ("keep", [1, 1, 1]),
        ("downweight", [1, 0.2, 0.2]),
        ("repair", [1, 1, 0]),
        ("teach", [1, 0, 0]),
    ],
)
def test_each_policy_weighs_its_labels(tables, policy, weights):
    taken, weight, taught = treat_suspects(*tables, {**SETTINGS, "suspects": policy})
    assert list(taken.index) == NAMES and weight.tolist() == weights
    assert taught.tolist() == ([False, True, True] if policy == "teach" else [False] * 3)
    assert points_of(taken)[0] == pytest.approx(LABEL)  # a sound label stays as it is
    if policy == "repair":
        assert points_of(taken)[1] == pytest.approx(FOUND)
    assert points_of(tables[0])[1] == pytest.approx(LABEL)  # and the manifest is nobody's to write into


def test_repair_takes_no_points_that_cannot_be_a_head(tables):
    manifest, audit, found = tables
    found.loc["b", "bpd_1_x"] += 40
    _, weight, _ = treat_suspects(manifest, audit, found, {**SETTINGS, "suspects": "repair"})
    assert weight.tolist() == [1, 0, 0]


def test_repair_needs_the_networks(tables):
    manifest, audit, found = tables
    with pytest.raises(InputError, match="out_of_fold"):
        treat_suspects(manifest, audit, found[[]], {**SETTINGS, "suspects": "repair"})
