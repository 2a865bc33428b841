"""Predictions against labels and reference: conventions of callipers, units, seen images."""

import json

import numpy as np
import pandas as pd
import pytest

from fetal_biometry.frames import contents
from fetal_biometry.measure.lengths import to_outer
from fetal_biometry.model.geometry import all_lengths, ellipse_landmarks
from fetal_biometry.report.evaluation import Evaluation, list_errors
from fetal_biometry.report.metrics import Subject, count_labels, evaluate_model, set_seen_apart
from fetal_biometry.terms import ACCEPTED_PREDICTION, COLUMNS, LENGTHS, REFERENCE_COLUMNS

HEADS = np.array([ellipse_landmarks((400, 270), 150, semi_short, 0.2) for semi_short in (110, 120, 130)])
RECIPE = {
    "training": {"keep": "best", "calibrate_on": "validation"},
    "noisy_labels": {"policy": "drop"},
}
METADATA = {
    "kind": "heatmap", "parameters": 7, "epochs": 3, "epoch": 2,
    "seconds": 1.5, "data_digest": "0a", "decoder": "fused", "test_time_augmentation": "none", "closer_views": [],
}  # fmt: skip


def labelled(heads: np.ndarray) -> pd.DataFrame:
    """Rows of images.csv with valid labels, an examination each; training images but for the last one, which tests."""
    names = [f"{number:03}_HC.png" for number in range(len(heads))]
    images = pd.DataFrame({"image_name": names, "examination": names, "width_px": 800, "height_px": 540})
    images[list(COLUMNS)], images[[*REFERENCE_COLUMNS, "reference_hc_mm"]] = heads.reshape(-1, 8), np.nan
    split = ["train"] * (len(heads) - 1) + ["test"]
    images = images.assign(verdict="valid", reasons="", label_source="landmark table", pixel_size_mm=0.2, split=split)
    images["sha256"] = [f"{number:064x}" for number in range(len(heads))]
    return images.set_index("image_name", drop=False)


def found(images: pd.DataFrame, heads: np.ndarray) -> pd.DataFrame:
    """Predictions of the same images, intervals of 10 % to either side."""
    table = images[["image_name"]].assign(flags="", contrast=0.7, confidence=0.9, head_odds=np.nan)
    table[list(COLUMNS)] = heads.reshape(-1, 8)
    per_px = images["pixel_size_mm"].to_numpy()
    table["pixel_width_mm"] = per_px
    for i, length in enumerate(LENGTHS):
        for unit, lengths in (("px", all_lengths(heads)[:, i]), ("mm", all_lengths(heads)[:, i] * per_px)):
            table[f"{length}_{unit}"] = lengths
            table[f"{length}_{unit}_low"], table[f"{length}_{unit}_high"] = 0.9 * lengths, 1.1 * lengths
    return table


@pytest.fixture
def evaluate():
    """Builds an Evaluation of `HEADS`, found as they are labelled."""

    def build(unit="mm", callipers=("outer_to_outer", "outer_to_outer"), **predicted):
        images = labelled(HEADS)
        per_px = np.full(3, 0.2 if unit == "mm" else 1.0)
        predictions = found(images, HEADS).assign(**predicted)
        return Evaluation(images, predictions, images["split"].to_numpy(), unit, per_px, *callipers)

    return build


@pytest.mark.parametrize("model_calliper", ["outer_to_outer", "outer_to_inner"])
def test_model_and_labels_have_a_convention_each(evaluate, model_calliper):
    evaluation = evaluate(callipers=("outer_to_inner", model_calliper))
    errors, bpd = list_errors(evaluation), all_lengths(HEADS)[:, 0] * 0.2
    assert errors["bpd_error_label"].to_numpy() == pytest.approx(
        to_outer(bpd, model_calliper) - to_outer(bpd, "outer_to_inner"), abs=1e-4
    )
    assert errors["ofd_error_label"].to_numpy() == pytest.approx(0)
    endpoint = evaluation.against_labels(np.ones(3, dtype=bool))["endpoint"]
    assert endpoint["ofd"]["nme"] == pytest.approx(0)  # BPD's ends stand elsewhere, and only lengths are converted
    assert endpoint["bpd"]["nme"] == (pytest.approx(0) if model_calliper == "outer_to_inner" else None)


@pytest.mark.parametrize("unit", ["px", "mm"])
def test_intervals_have_the_unit_of_the_errors(evaluate, unit):
    evaluation = evaluate(unit, flags=["", "low confidence", "no pixel size"])
    lengths = all_lengths(HEADS) * (0.2 if unit == "mm" else 1)
    assert evaluation.intervals[..., 1] == pytest.approx(1.1 * lengths)
    assert all(evaluation.against_labels(np.ones(3, dtype=bool))[name]["coverage"] == 1 for name in LENGTHS)
    assert list(evaluation.flagged) == [False, True, False]


def test_images_that_a_model_was_trained_on_do_not_judge_it():
    """Nor does another image of such an examination; a training image stays one."""
    images = pd.DataFrame({"sha256": [c * 64 for c in "abcde"], "examination": ["1", "1", "2", "3", "4"]})
    images["split"] = ["test", "test", "test", "train", "test"]
    seen = [contents(images)[number] for number in (0, 3)]
    assert list(set_seen_apart(images, seen)) == ["seen", "seen", "test", "train", "test"]
    assert list(set_seen_apart(images, [])) == list(images["split"])


def test_labels_are_counted_by_verdict_and_reason():
    images = labelled(HEADS)
    images["verdict"], images["reasons"] = ["valid", "invalid", "questionable"], ["", "a;b", "b"]
    unlabelled = images.iloc[:1].assign(label_source="", verdict="", reasons="")
    counted = count_labels(pd.concat([images, unlabelled]))
    assert [counted[name] for name in ("labelled", "valid", "questionable", "invalid")] == [3, 1, 1, 1]
    assert counted["reasons"] == {"b": 2, "a": 1} and not counted["names_swapped"]


def evaluated(heads=HEADS, recipe=RECIPE, located=HEADS, metadata=(), **changed):
    images = labelled(heads).assign(**changed)
    subject = Subject("small", "phantom", "outer_to_outer", 0.9, recipe)
    return evaluate_model(subject, images, found(images, located), METADATA | dict(metadata))


def test_metrics_tell_of_model_labels_and_errors():
    metrics, errors = evaluated(split=["train", "validation", "test"])
    assert metrics["model"]["noisy_labels"] == "drop" and metrics["model"]["kind"] == "heatmap"
    assert metrics["labels"]["valid"] == 3 and metrics["unit"] == "mm" and metrics["recipe"] == "small"
    coverage = {split: groups["all"]["hc"]["coverage"] for split, groups in metrics["splits"].items()}
    assert coverage == {"test": 1, "validation": None, "train": None}  # intervals say nothing of what calibrated them
    assert list(errors["split"]) == ["train", "validation", "test"] and errors["hc_error_label"].abs().max() < 1e-9


def test_a_group_measures_in_the_unit_of_report():
    """Heads are found a tenth too large in one examination; of one image an HC is stated, 1 mm above its label's."""
    centres = HEADS.mean(axis=1, keepdims=True)
    true, stated = 0.2 * all_lengths(HEADS), np.full(3, np.nan)
    stated[0] = true[0, 2] + 1
    metrics, _ = evaluated(located=centres + 1.1 * (HEADS - centres), reference_hc_mm=stated, examination="000",
                           split="test")  # fmt: skip
    test = metrics["splits"]["test"]["all"]
    assert (test["n"], test["examinations"], test["hc_reference"]["n"]) == (3, 1, 1)
    for column, name in enumerate(LENGTHS):
        assert test[name]["mae"] == test[name]["bias"] == pytest.approx(0.1 * true[:, column].mean())
        assert test[name]["coverage"] == 1
    assert test["hc_reference"]["bias"] == pytest.approx(0.1 * true[0, 2] - 1)
    assert test["endpoint"]["ofd"]["mean"] == pytest.approx(15 * 0.2)  # a tenth of the semi-axis
    assert test["endpoint"]["ofd"]["nme"] == pytest.approx(0.05)
    assert "hc_reference" not in evaluated()[0]["splits"]["test"]["all"]


def test_invalid_labels_judge_only_beside_the_valid_ones():
    split, verdict = ["train", "test", "test"], ["valid", "invalid", "valid"]
    located = HEADS + [[[0, 0]], [[40, 0]], [[0, 0]]]
    metrics, errors = evaluated(located=located * [1, 1.01], split=split, verdict=verdict)
    test = metrics["splits"]["test"]
    assert test["all"]["n"] == 1 and test["with_invalid"]["n"] == 2 and "with_invalid" not in metrics["splits"]["train"]
    assert list(errors["valid"]) == [True, False, True]


def test_networks_of_folds_judge_train_and_validation_images():
    recipe = RECIPE | {"training": RECIPE["training"] | {"calibrate_on": "out_of_fold"}}
    metrics, _ = evaluated(recipe=recipe, split=["train", "validation", "test"])
    assert metrics["out_of_fold"]["all"]["n"] == 2 and metrics["out_of_fold"]["all"]["hc"]["coverage"] == 1


def test_a_given_model_speaks_for_itself():
    seen = contents(labelled(HEADS)).iloc[[2]].tolist()
    calibration = {"calliper": "outer_to_inner", "level": 0.8}
    metrics, errors = evaluated(recipe={}, metadata={"seen": seen, "calibration": calibration})
    model = metrics["model"]
    assert model["kind"] == "external" and model["knows_seen"] and model["test_images_seen"] == 1
    assert (model["calliper"], model["interval_level"]) == ("outer_to_inner", 0.8)
    assert "test" not in metrics["splits"] and errors["split"].iloc[2] == "seen"


def test_nothing_is_judged_without_labels():
    metrics, errors = evaluated(label_source="", verdict="", split="", **dict.fromkeys(COLUMNS, np.nan))
    assert not metrics["splits"] and metrics["labels"]["labelled"] == 0
    assert list(errors.columns) == ["image_name"] and errors.empty


def test_accepted_predictions_judge_no_model_out_of_fold():
    recipe = RECIPE | {"training": RECIPE["training"] | {"calibrate_on": "out_of_fold"}}
    metrics, _ = evaluated(recipe=recipe, label_source=[ACCEPTED_PREDICTION, "landmark table", "landmark table"])
    assert metrics["out_of_fold"]["all"]["n"] == 1 and metrics["splits"]["train"]["all"]["n"] == 2


def test_a_label_without_a_length_is_counted_and_not_compared():
    """Such as a row of zeros: its relative error would be infinite."""
    heads = HEADS.copy()
    heads[0] = 0
    metrics, _ = evaluated(heads, verdict=["invalid", "valid", "valid"])
    assert metrics["splits"]["train"]["with_invalid"]["n"] == 1 and metrics["labels"]["invalid"] == 1
    json.dumps(metrics, allow_nan=False)
