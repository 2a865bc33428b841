"""An out-of-fold audit of phantoms whose labels are spoilt as the challenge's are, and recipes that treat them."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
from small_run import ARGUMENTS, make_small

from fetal_biometry.frames import read_frame
from fetal_biometry.report.comparison import judged_errors
from fetal_biometry.terms import LENGTHS, Split, Verdict

pytestmark = pytest.mark.slow
RECIPES = {"networks": "keep", "ablation_1_drop": "drop", "ablation_2_repair": "repair"}  # by noisy_labels.policy
SETTINGS = """
run: spoilt
phantom_count: 40
phantom_bad_labels: 0.28
audit_method: out_of_fold
audit_recipe: networks
folds: 2
recipe: ablation_1_drop
compare: [ablation_1_drop]
report_compares: ablation
"""
TARGETS = ("all", "audit", "audit_benchmark", "ablate")


@pytest.fixture(scope="module")
def spoilt(copy_workflow, tmp_path_factory):
    house = copy_workflow(tmp_path_factory.mktemp("spoilt"))
    make_small(house, more=SETTINGS, negatives=0)
    for path in (house.folder / "recipes").glob("ablation_*.yaml"):
        path.unlink()
    for name, policy in RECIPES.items():
        text = f"extends: small\nnoisy_labels: {{ policy: {policy} }}\n"
        (house.folder / "recipes" / f"{name}.yaml").write_text(text)
    house.snakemake(*TARGETS, *ARGUMENTS)
    return house


@pytest.fixture(scope="module")
def results(spoilt):
    return spoilt.folder / "results" / "spoilt"


@pytest.fixture(scope="module")
def images(results):
    return read_frame(results / "work" / "images.csv")


def test_the_swap_is_found_and_undone(images):
    assert images["label_source"].str.contains("names swapped").all()


def test_geometry_finds_the_scattered_rows(results):
    benchmark = json.loads((results / "audit_benchmark.json").read_text())["geometry"]["all"]
    assert benchmark["n"] == 40 and benchmark["wrong"] == round(0.28 * 40)
    assert benchmark["recall"] >= 0.95 and benchmark["precision"] >= 0.95


def test_networks_judge_examinations_that_they_were_not_trained_on(results, images):
    work = results / "work"
    for fold in range(2):
        judged = pd.concat(read_frame(path) for path in (work / "networks" / f"fold_{fold}" / "predicted").glob("*"))
        assert set(judged.index) == set(images.index[images["fold"] == fold])
        trains = (images["fold"] != fold) & (images["split"] != Split.TEST)
        log = (work / "logs" / "networks" / f"train_fold_{fold}.log").read_text()
        assert f"{trains.sum()} training and 0 validation images" in log  # policy keep: all labels train
    assert images.groupby("examination")["fold"].nunique().max() == 1
    assert images["suggested_ofd_1_x"].notna().all()


def test_every_invalid_label_is_on_top_of_the_annotator_s_table(results):
    audit, handed = (read_frame(results / f"{name}.csv") for name in ("audit", "audit_for_annotator"))
    invalid = set(audit.index[audit["verdict"] == Verdict.INVALID])
    assert invalid and set(handed.index) == set(audit.index)
    assert set(handed.index[: len(invalid)]) == invalid
    assert (results / "audit.html").stat().st_size > 10_000


def test_auditing_again_does_nothing(spoilt):
    assert spoilt.planned(*TARGETS, *ARGUMENTS) == {}


def test_another_limit_of_the_networks_judges_again_and_trains_none(spoilt):
    limits = spoilt.folder / "limits.yaml"
    before = limits.read_text(encoding="utf-8")
    limits.write_text(before.replace("disagreement: 0.25", "disagreement: 0.2"), encoding="utf-8")
    planned = spoilt.planned("audit", *ARGUMENTS)
    limits.write_text(before, encoding="utf-8")
    assert planned == {"review_labels": 3, "join_images": 1, "render_audit": 1}


def test_an_ablation_says_what_each_step_is_worth(results):
    table = pd.read_csv(results / "ablation.csv", index_col="recipe")
    assert table["noisy_labels"].to_dict() == {name: RECIPES[name] for name in table.index}
    assert list(table.index) == ["ablation_1_drop", "ablation_2_repair"]
    errors = [judged_errors(read_frame(results / "work" / name / "errors.csv")) for name in table.index]
    assert (table["pairs"] == len(errors[0])).all() and len(errors[0])
    for length in LENGTHS:
        of_one = [one[length] for one in errors]
        steps = [(after - before).mean() for before, after in itertools.pairwise(of_one)]
        found = table[f"{length}_step"]
        assert found.iloc[1:].tolist() == pytest.approx(steps) and np.isnan(found.iloc[0])
        assert (table[f"{length}_step_low"].iloc[1:] <= found.iloc[1:]).all()
        assert table[f"{length}_worse"].tolist() == pytest.approx([(one - of_one[0]).mean() for one in of_one])


def test_report_and_page_show_the_ablation(results):
    for page in ("report.html", "ablation.html"):
        text = (results / page).read_text(encoding="utf-8")
        assert all(name in text for name in ("ablation_1_drop", "ablation_2_repair"))
