"""`calibrate_on: out_of_fold`: all but test images train, and networks of folds measure what trained the model."""

import json

import numpy as np
import pandas as pd
import pytest
from small_run import ARGUMENTS, make_small

from fetal_biometry.frames import points_of, read_frame
from fetal_biometry.model.geometry import scale_diameters
from fetal_biometry.model.inference import Predictor
from fetal_biometry.terms import Split, Verdict

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def calibrated(copy_workflow, namespace, tmp_path_factory):
    """Trained and reported without a network, where that can be had."""
    house = copy_workflow(tmp_path_factory.mktemp("calibrated"))
    make_small(house, calibrate_on="out_of_fold", more="folds: 2\n", negatives=0)
    house.snakemake(*ARGUMENTS, inside=namespace("net", needed=False))
    return house


@pytest.fixture(scope="module")
def results(calibrated):
    return calibrated.folder / "results" / "phantom"


@pytest.fixture(scope="module")
def images(results):
    return read_frame(results / "work" / "images.csv")


@pytest.fixture(scope="module")
def calibration(results):
    return json.loads((results / "work" / "small" / "calibration.json").read_text())


def located(folder):
    """What one network found, in all parts that it looked at."""
    return pd.concat(read_frame(path) for path in sorted((folder / "predicted").glob("*.csv")))


def test_an_image_is_measured_by_a_network_that_was_not_trained_on_its_examination(results, images, calibration):
    predictions, small = read_frame(results / "predictions.csv"), results / "work" / "small"

    def assert_measured(found, known):
        corrected = scale_diameters(points_of(found), known["correction"])
        assert np.allclose(points_of(predictions.loc[found.index]), corrected, atol=0.01)

    trained_on = images[images["split"] != Split.TEST]
    assert trained_on.groupby("examination")["fold"].nunique().max() == 1
    for fold, inside in trained_on.groupby("fold"):
        found = located(small / f"fold_{fold}")
        assert set(found.index) == set(inside.index)
        assert_measured(found, calibration["without"][str(fold)])
        others = trained_on[trained_on["fold"] != fold]
        log = (results / "work" / "logs" / "small" / f"train_fold_{fold}.log").read_text()
        assert f"{(others['verdict'] == Verdict.VALID).sum()} training and 0 validation images" in log
    found = located(small)
    assert set(found.index) == set(images.index[images["split"] == Split.TEST])
    assert_measured(found, calibration)


def test_one_network_is_trained_on_all_of_them_and_calibrated_by_all(results, images, calibration):
    valid = ((images["split"] != Split.TEST) & (images["verdict"] == Verdict.VALID)).sum()
    log = (results / "work" / "logs" / "small" / "train_model.log").read_text()
    assert f"{valid} training and 0 validation images" in log
    known = Predictor(results / "model.onnx").metadata["calibration"]
    assert known["images"] == calibration["images"] == valid and "without" not in known


def test_what_calibrates_a_fold_are_the_other_folds(results, images, calibration):
    valid = images[(images["split"] != Split.TEST) & (images["verdict"] == Verdict.VALID)]
    others = {fold: known["images"] for fold, known in calibration["without"].items()}
    assert others == {str(fold): (valid["fold"] != fold).sum() for fold in set(valid["fold"])}
    metrics = json.loads((results / "metrics.json").read_text())
    assert metrics["out_of_fold"]["all"]["n"] == len(valid)


def test_the_report_shows_figures_out_of_fold(results):
    assert 'id="folds-table"' in (results / "report.html").read_text(encoding="utf-8")


def test_a_second_run_does_nothing(calibrated):
    assert calibrated.planned(*ARGUMENTS) == {}
