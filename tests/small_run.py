"""A run small enough to be made many times, and whether two of them are alike."""

import filecmp
import json
from pathlib import Path

import torch

from fetal_biometry.report.wording import duration

RECIPE = """
extends: heatmap
network: { width: 4 }
training: { precision: float32, epochs: EPOCHS, calibrate_on: CALIBRATE_ON }
"""
SETTINGS = """
phantom_count: 24
image_size: 64
recipe: small
audit_recipe: small
compare: [small]
shards: 2
"""
ARGUMENTS = ("--configfile", "small.yaml")
TIMED = ("history.csv", "plan.json")  # hold seconds; say what a run is


def make_small(house, epochs: int = 1, calibrate_on: str = "validation", more: str = "", negatives: int = 2) -> None:
    """Give a copy of the workflow a small recipe and the settings for it, in ``small.yaml``.

    ``negatives`` of each kind are drawn; many of them take longer than the training.
    """
    text = RECIPE.replace("EPOCHS", str(epochs)).replace("CALIBRATE_ON", calibrate_on)
    (house.folder / "recipes" / "small.yaml").write_text(text)
    (house.folder / "small.yaml").write_text(f"{SETTINGS}training_negatives: {negatives}\n{more}")


def assert_same(results: Path, expected: Path, trainings=("small",)) -> None:
    """Every table has the same bytes, every weight and number the same value, and no half-written file lies about."""
    work = expected / "work"
    tables = [str(path.relative_to(expected)) for path in expected.rglob("*.csv") if path.name not in TIMED]
    tables += [str(path.relative_to(expected)) for path in expected.rglob("*.json") if path.name != "metrics.json"]
    assert len(tables) > 15
    same, different, missing = filecmp.cmpfiles(expected, results, tables, shallow=False)
    assert not different and not missing and len(same) == len(tables), (different, missing)
    left = [path for path in results.rglob(".*") if path.name != ".snakemake_timestamp"]
    assert not left, left
    for training in trainings:
        one, other = (
            torch.load(run / "work" / training / "model.pt", weights_only=True)["state"] for run in (expected, results)
        )
        assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
        assert not (results / "work" / training / "checkpoint.pt").exists()
        if (work / training / "metrics.json").exists():
            assert untimed(results, training) == untimed(expected, training), "figures differ"


def untimed(results: Path, training: str) -> tuple[dict, str]:
    """Every figure of a run, and the text of its report, without the seconds that the training took."""
    metrics = json.loads((results / "work" / training / "metrics.json").read_text(encoding="utf-8"))
    took = f"<td>{duration(metrics['model'].pop('seconds'))}</td>"
    return metrics, (results / "report.html").read_text(encoding="utf-8").replace(took, "")
