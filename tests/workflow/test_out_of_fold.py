"""`cross_fit`: all but test images train, and networks of folds say of each what one knows that it did not teach."""

import json

import pandas as pd
import pytest

from fetal_biometry.data.phantom import phantom_names
from fetal_biometry.data.splits import _draw, fold_of
from fetal_biometry.frames import points_of
from fetal_biometry.images.cache import shard_of
from fetal_biometry.model.geometry import stretch_diameters
from fetal_biometry.model.inference import Predictor

pytestmark = pytest.mark.slow
ARGUMENTS = ("--config", "run=fitted", "phantom_count=60", "shards=2", "folds=2", "max_epochs=2", "cross_fit=calibrate")


@pytest.fixture(scope="module")
def fitted(copy_workflow, tmp_path_factory):
    house = copy_workflow(tmp_path_factory.mktemp("fitted"))
    house.snakemake(*ARGUMENTS)
    return house


@pytest.fixture
def results(fitted):
    return fitted.folder / "results" / "fitted"


def landmarks(folder):
    return pd.concat(pd.read_csv(path, index_col="image_name") for path in sorted((folder / "landmarks").glob("*.csv")))


def test_training_images_are_measured_by_the_network_that_they_did_not_teach(results):
    split = pd.read_csv(results / "split.csv", index_col="image_name", dtype=str)
    predictions = pd.read_csv(results / "heatmap" / "predictions.csv", index_col="image_name")
    calibration = json.loads((results / "heatmap" / "calibration.json").read_text())

    def measured_by(found, names, known):
        corrected = stretch_diameters(points_of(found.loc[names]), known["correction"])
        return points_of(predictions.loc[names]) == pytest.approx(corrected, abs=0.01)

    taught = split[split["split"] != "test"]
    for fold in range(2):
        trains = pd.read_csv(results / "folds" / f"{fold}.csv", index_col="image_name", dtype=str)["split"] == "train"
        judge = landmarks(results / "heatmap" / str(fold))
        its_own = taught.index[[fold_of(name, 1, 2) == fold for name in taught["examination"]]]
        assert len(its_own) and not trains[its_own].any()
        assert measured_by(judge, its_own, calibration["without"][fold]) and set(judge.index) == set(its_own)
    judged, model = split.index[split["split"] == "test"], landmarks(results / "heatmap")
    assert measured_by(model, judged, calibration)
    assert set(model.index) == set(judged)


def test_one_network_learns_from_all_of_them_and_its_intervals_too(results):
    metadata = Predictor(results / "heatmap" / "model.onnx").metadata
    split, audit = (pd.read_csv(results / f"{name}.csv", index_col="image_name") for name in ("split", "audit"))
    sound = audit["verdict"].reindex(split.index) == "sound"
    assert metadata["networks"] == 1
    taught = (sound & (split["split"] != "test")).sum()
    assert metadata["calibration"]["images"] == taught
    log = (results / "logs" / "heatmap" / "train_model.log").read_text()
    assert f"{taught} training and 0 validation images" in log


def test_what_is_said_of_an_image_rests_on_other_examinations_alone(results):
    calibration = json.loads((results / "heatmap" / "calibration.json").read_text())
    metrics = json.loads((results / "heatmap" / "metrics.json").read_text())
    others = [known["images"] for known in calibration["without"]]
    assert (
        sum(others) == calibration["images"] == metrics["out_of_fold"]["all"]["n"]
    )  # of two folds each is left out once
    assert "without" not in Predictor(results / "heatmap" / "model.onnx").metadata["calibration"]
    corrections = [tuple(known["correction"]) for known in (calibration, *calibration["without"])]
    assert len(set(corrections)) == 3


def test_report_and_card_say_so(results):
    assert "word of one network that never saw" in (results / "report.html").read_text(encoding="utf-8")
    card = (results / "heatmap" / "model_card.md").read_text(encoding="utf-8")
    assert "measurements of each by a network of the same recipe that never saw its examination" in card
    loss = json.loads((results / "heatmap" / "metrics.json").read_text())["loss"]
    assert loss["validation"] is None and loss["train"] and loss["test"]


def test_a_second_run_does_nothing(fitted):
    assert fitted.planned(*ARGUMENTS) == {}


def test_an_examination_that_changes_sides_is_measured_by_another_network(fitted):
    """From test to validation; the network of its own fold stays as it is, and looks at one examination more."""
    plans = phantom_names(60, seed=20)
    drawn = {(_draw(f"1:{name}") / 2**64, name) for name in (plan.partition("_")[0] for plan in plans)}
    limit, name = max(draw for draw in drawn if draw[0] < 0.2)
    moved = ("validation_fraction=" + repr(0.35 - limit), f"test_fraction={limit!r}")
    shards = {shard_of(plan, 2) for plan in plans if plan.partition("_")[0] == name}
    planned = fitted.planned(*ARGUMENTS, *moved)
    assert planned["train_model"] == 2  # the model, and the network of the other fold
    assert planned["predict_landmarks"] == 2 + 2 + len(shards)


def test_an_ensemble_is_exported_from_the_networks_of_folds(fitted):
    planned = fitted.planned(*ARGUMENTS[:-1], "cross_fit=ensemble")
    assert planned["train_model"] == 2 and planned["export_model"] == 3
