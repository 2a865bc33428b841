"""`ensemble: true`: the model is the mean of networks of folds; none measures images that it was taught by."""

import json

import pandas as pd
import pytest

from fetal_biometry.frames import points_of
from fetal_biometry.geometry import stretch_diameters
from fetal_biometry.inference import Predictor
from fetal_biometry.splits import fold_of

pytestmark = pytest.mark.slow
ARGUMENTS = ("--config", "run=mean", "phantom_count=60", "shards=2", "folds=2", "max_epochs=2", "ensemble=True")


@pytest.fixture(scope="module")
def ensemble(copy_workflow, tmp_path_factory):
    house = copy_workflow(tmp_path_factory.mktemp("ensemble"))
    house.snakemake(*ARGUMENTS)
    return house


@pytest.fixture
def results(ensemble):
    return ensemble.folder / "results" / "mean"


def landmarks(folder):
    return pd.concat(pd.read_csv(path, index_col="image_name") for path in sorted((folder / "landmarks").glob("*.csv")))


def test_training_images_are_measured_by_the_network_that_they_did_not_teach(results):
    split = pd.read_csv(results / "split.csv", index_col="image_name", dtype=str)
    predictions = pd.read_csv(results / "heatmap" / "predictions.csv", index_col="image_name")
    correction = json.loads((results / "heatmap" / "calibration.json").read_text())["correction"]

    def measured_by(found, names):
        corrected = stretch_diameters(points_of(found.loc[names]), correction)
        return points_of(predictions.loc[names]) == pytest.approx(corrected, abs=0.01)

    taught = split[split["split"] != "test"]
    for fold in range(2):
        trains = pd.read_csv(results / "folds" / f"{fold}.csv", index_col="image_name", dtype=str)["split"] == "train"
        member = landmarks(results / "heatmap" / str(fold))
        its_own = taught.index[[fold_of(name, 1, 2) == fold for name in taught["examination"]]]
        assert len(its_own) and not trains[its_own].any()
        assert measured_by(member, its_own)
    judged, mean = split.index[split["split"] == "test"], landmarks(results / "heatmap")
    assert measured_by(mean, judged)
    assert set(mean.index) == set(judged)


def test_its_one_file_holds_every_network_and_intervals_from_all_that_taught_another(results):
    metadata = Predictor(results / "heatmap" / "model.onnx").metadata
    split, audit = (pd.read_csv(results / f"{name}.csv", index_col="image_name") for name in ("split", "audit"))
    sound = audit["verdict"].reindex(split.index) == "sound"
    assert metadata["networks"] == 2
    assert metadata["calibration"]["images"] == (sound & (split["split"] != "test")).sum()


def test_report_and_card_say_so(results):
    assert "mean of 2 networks" in (results / "report.html").read_text(encoding="utf-8")
    card = (results / "heatmap" / "model_card.md").read_text(encoding="utf-8")
    assert "The mean of 2 U-Nets" in card
    loss = json.loads((results / "heatmap" / "metrics.json").read_text())["loss"]
    assert loss["validation"] is None and loss["train"] and loss["test"]


def test_a_second_run_does_nothing(ensemble):
    assert ensemble.planned(*ARGUMENTS) == {}


def test_another_model_of_the_run_trains_once_on_the_same_data(ensemble):
    assert ensemble.planned(*ARGUMENTS[:-1])["train_model"] == 1
