"""How far lengths differ where bytes may: trained by another number of threads, or on a processor without bfloat16."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from small_run import assert_same

from fetal_biometry.data.phantom import draw_phantom, plan_phantoms
from fetal_biometry.frames import points_of
from fetal_biometry.measure.api import PRETRAINED
from fetal_biometry.model.geometry import fit_square
from fetal_biometry.model.inference import Predictor, locate_all
from fetal_biometry.model.training import choose_precision
from fetal_biometry.terms import LENGTHS

pytestmark = pytest.mark.long
OTHERS = {"one_thread": ("--cores", "1", "--config"), "float32": ("--config", "recipe=float32")}
FLOAT32 = "extends: heatmap\ntraining: { precision: float32 }\n"


def lengths_and_errors(house, run, recipe="heatmap"):
    """The test images' lengths in mm, (N, 3), and how far they are off."""
    results = house.folder / "results" / run
    found = pd.read_csv(results / "predictions.csv", index_col="image_name")
    errors = pd.read_csv(results / "work" / recipe / "errors.csv", index_col="image_name")
    errors = errors[errors["split"] == "test"]
    lengths = found.loc[errors.index, [f"{length}_mm" for length in LENGTHS]].to_numpy()
    return lengths, errors[[f"{length}_error_label" for length in LENGTHS]].abs().to_numpy()


@pytest.fixture(scope="module")
def usual(copy_workflow, tmp_path_factory):
    """A workflow in a folder of its own, with its default run."""
    house = copy_workflow(tmp_path_factory.mktemp("usual"))
    (house.folder / "recipes" / "float32.yaml").write_text(FLOAT32)
    house.snakemake("--config", "run=usual")
    return house


@pytest.mark.parametrize("run", OTHERS)
def test_another_order_of_summation_changes_lengths_by_less_than_they_are_off(usual, run):
    if run == "float32" and choose_precision("auto", torch.device("cpu")) == torch.float32:
        pytest.skip("float32 is what this processor takes by itself")
    usual.snakemake(*OTHERS[run], f"run={run}")
    (lengths, errors), (others, other_errors) = (
        lengths_and_errors(usual, "usual"),
        lengths_and_errors(usual, run, "float32" if run == "float32" else "heatmap"),
    )
    change, off, other_off = np.abs(others - lengths).mean(axis=0), errors.mean(axis=0), other_errors.mean(axis=0)
    print(
        f"\n{run}: mm by which lengths {LENGTHS} change {change.round(2)}, are off {off.round(2)}, {other_off.round(2)}"
    )
    assert (change < np.maximum(off, other_off)).all()
    assert (np.abs(np.log(other_off / off)) < 0.4).all(), "neither is better than the other"


def test_a_model_measures_the_same_whatever_the_threads(usual):
    images = [draw_phantom(plan) for plan in plan_phantoms(20, seed=77)]
    sizes = np.array([image.shape[::-1] for image in images])
    for model in (usual.folder / "results" / "usual" / "model.onnx", PRETRAINED):
        found = []
        for threads in (1, 2, 3):
            predictor = Predictor(model, threads)
            seen = [fit_square(image, predictor.prepared_size) for image in images]
            found.append(points_of(locate_all(predictor, range(len(images)), seen, sizes)))
        assert (np.array(found) == found[0]).all(), model


def test_the_default_run_gives_the_same_bytes_from_nothing(usual, copy_workflow, tmp_path):
    """In bfloat16 where the processor has it, and measured in 8-bit integers, too."""
    again = copy_workflow(tmp_path)
    for arithmetic in ("float32", "int8"):
        for house in (usual, again):
            recipe = house.folder / "recipes" / "heatmap.yaml"
            recipe.write_text(re.sub("arithmetic: .*", f"arithmetic: {arithmetic}", recipe.read_text()))
            house.snakemake("--config", "run=usual")
        assert_same(again.folder / "results" / "usual", usual.folder / "results" / "usual", ("heatmap",))
