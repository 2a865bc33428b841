"""`snakemake audit` and `snakemake audit_benchmark` on phantoms whose labels are spoilt as the challenge's are."""

import itertools
import json
import re

import numpy as np
import pandas as pd
import pytest

from fetal_biometry.report.comparison import judged_errors

pytestmark = pytest.mark.slow
ARGUMENTS = (
    "--config", "run=spoilt", "phantom_count=80", "phantom_bad_labels=0.28", "shards=2",
    "audit_method=out_of_fold", "folds=2", "max_epochs=2",
)  # fmt: skip


@pytest.fixture(scope="module")
def spoilt(copy_workflow, tmp_path_factory):
    house = copy_workflow(tmp_path_factory.mktemp("spoilt"))
    config, once = house.folder / "config.yaml", "  audit: # the networks of audit_method: out_of_fold"
    text = config.read_text(encoding="utf-8")
    assert once in text
    single = text.replace(
        once, f"  audit:\n    closeup: null # of two epochs, a second look finds no head\n    #{once}"
    )
    config.write_text(single, encoding="utf-8")
    house.snakemake("audit", "audit_benchmark", *ARGUMENTS)
    return house


@pytest.fixture
def results(spoilt):
    return spoilt.folder / "results" / "spoilt"


def test_the_swap_is_found_and_undone(results):
    manifest = pd.read_csv(results / "manifest.csv")
    assert manifest["label_source"].str.contains("names swapped").all()


def test_geometry_finds_the_scattered_rows(results):
    benchmark = json.loads((results / "audit" / "benchmark.json").read_text())["screen"]["all"]
    assert benchmark["n"] == 80 and benchmark["bad"] == 22
    assert benchmark["recall"] >= 0.95 and benchmark["precision"] >= 0.95 and benchmark["auc"] >= 0.98


def test_no_network_saw_the_examinations_it_judges(results):
    folds = [pd.read_csv(results / "folds" / f"{fold}.csv", dtype=str) for fold in range(2)]
    split = pd.read_csv(results / "split.csv", dtype=str)
    taught = [set(fold.loc[fold["split"] == "train", "examination"]) for fold in folds]
    assert not taught[0] & taught[1]
    assert not (taught[0] | taught[1]) & set(split.loc[split["split"] == "test", "examination"])
    assert taught[0] | taught[1] == set(split.loc[split["split"] != "test", "examination"])


def test_the_annotator_gets_every_suspect(results):
    audit = pd.read_csv(results / "audit.csv", index_col="image_name")
    handed = pd.read_csv(results / "audit" / "for_annotator.csv", index_col="image_name")
    suspects = set(audit.index[audit["verdict"] == "suspect"])
    assert suspects and suspects <= set(handed.index)
    assert set(handed.index[: len(suspects)]) == suspects
    assert (results / "audit.html").stat().st_size > 10_000


def test_auditing_again_does_nothing(spoilt):
    assert spoilt.planned("audit", "audit_benchmark", *ARGUMENTS) == {}


def test_another_limit_judges_again_and_trains_no_network(spoilt):
    override = spoilt.folder / "stricter.yaml"
    override.write_text("audit_networks:\n  disagreement: 0.2\n")
    rules = {"audit_labels": 1, "render_audit": 1}
    assert spoilt.planned("audit", "--configfile", str(override), *ARGUMENTS) == rules


def test_a_second_audit_learns_from_what_the_first_found(spoilt, results):
    override = spoilt.folder / "bold.yaml"
    bold = "second_opinion: null\nexperiments:\n  second_audit:\n    repair_confidence: 0\n"  # hardly trained networks
    override.write_text(bold)
    arguments = ("--configfile", str(override), *ARGUMENTS, "audit_rounds=2")
    assert spoilt.planned("audit", *arguments)["train_model"] == 2
    spoilt.snakemake("audit", *arguments)
    screened = pd.read_csv(results / "audit" / "screen.csv", index_col="image_name")["verdict"] == "sound"
    fold = pd.read_csv(results / "folds" / "0.csv", index_col="image_name")["split"] == "train"
    log = (results / "logs" / "second_audit" / "0" / "train_model.log").read_text()
    trained = int(re.search(r"(\d+) training and", log)[1])
    assert (screened & fold).sum() < trained <= fold.sum()
    first = pd.read_csv(results / "audit" / "first" / "landmarks.csv", index_col="image_name")
    assert not first.equals(pd.read_csv(results / "audit" / "landmarks.csv", index_col="image_name"))
    assert spoilt.planned("audit", *arguments) == {}


def test_the_report_says_what_each_treatment_of_suspects_is_worth(spoilt, results):
    override = spoilt.folder / "policies.yaml"
    override.write_text("compare: [keep, downweight, repair, teach, heatmap]\nreport_compares: compare\n")
    spoilt.snakemake("--configfile", str(override), *ARGUMENTS)
    table = pd.read_csv(results / "compare.csv", index_col="experiment")
    assert table["suspects"].to_dict() == {
        "keep": "keep", "downweight": "downweight", "repair": "repair", "teach": "teach", "heatmap": "drop",
    }  # fmt: skip
    spoilt.snakemake("compare", "--configfile", str(override), *ARGUMENTS)
    assert "teach beside heatmap" in (results / "compare.html").read_text(encoding="utf-8")
    page = (results / "report.html").read_text(encoding="utf-8")
    assert "Experiments side by side" in page and "left to the network’s own points" in page


def test_the_report_draws_an_ablation(spoilt, results):
    override = spoilt.folder / "steps.yaml"
    override.write_text("ablation: [keep, heatmap, repair]\nreport_compares: ablation\n")
    spoilt.snakemake("all", "ablate", "--configfile", str(override), *ARGUMENTS)
    table = pd.read_csv(results / "ablation.csv", index_col="experiment")
    assert list(table.index) == ["keep", "heatmap", "repair"] and (table["pairs"] == table["pairs"].iloc[0]).all()
    for length in ("bpd", "ofd", "hc"):
        errors = {
            name: judged_errors(pd.read_csv(results / name / "errors.csv", index_col="image_name"))[length]
            for name in table.index
        }
        steps = [(errors[after] - errors[before]).mean() for before, after in itertools.pairwise(errors)]
        found = table[f"{length}_step"]
        assert found.iloc[1:].tolist() == pytest.approx(steps) and np.isnan(found.iloc[0])
        assert (table[f"{length}_step_low"].iloc[1:] <= found.iloc[1:]).all()
        worse = [(one - errors["heatmap"]).mean() for one in errors.values()]
        assert table[f"{length}_worse"].tolist() == pytest.approx(worse)
    assert "a step at a time" in (results / "report.html").read_text(encoding="utf-8")
