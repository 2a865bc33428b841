"""What a model found is held against labels of another convention in outer-to-outer millimetres."""

import numpy as np
import pandas as pd
import pytest

from fetal_biometry.biometry import to_outer
from fetal_biometry.evaluation import REFERENCE_COLUMNS, Evaluation, list_errors
from fetal_biometry.geometry import LENGTHS, all_lengths, ellipse_landmarks
from fetal_biometry.landmarks import COLUMNS

HEADS = np.array([ellipse_landmarks((400, 270), 150, semi_short, 0.2) for semi_short in (110, 120, 130)])


@pytest.mark.parametrize("model_calliper", ["outer_to_outer", "outer_to_inner"])
def test_model_and_labels_have_a_convention_each(model_calliper):
    names = [f"{number:03}_HC.png" for number in range(3)]
    manifest = pd.DataFrame({"image_name": names, "examination": names, "width_px": 800, "height_px": 540})
    manifest[list(COLUMNS)] = HEADS.reshape(3, 8)
    manifest[[*REFERENCE_COLUMNS, "reference_hc_mm"]] = np.nan
    predictions = manifest[["image_name", *COLUMNS]].assign(flags="")
    predictions[[f"{length}_{end}" for length in LENGTHS for end in ("low", "high")]] = np.nan
    split, sound, per_px = np.array(["train", "train", "test"]), np.ones(3, dtype=bool), np.full(3, 0.2)
    callipers = "outer_to_inner", model_calliper
    errors = list_errors(Evaluation(manifest, predictions, split, sound, "mm", per_px, *callipers))
    bpd = all_lengths(HEADS)[:, 0] * 0.2
    assert errors["bpd_error_label"].to_numpy() == pytest.approx(
        to_outer(bpd, model_calliper) - to_outer(bpd, "outer_to_inner"), abs=1e-4
    )
    assert errors["ofd_error_label"].to_numpy() == pytest.approx(0)
