"""`snakemake bench` on a few images: every figure is there, and makes sense."""

import json
import shutil
from pathlib import Path

import pytest

from fetal_biometry.bench.report import TITLES
from fetal_biometry.processor import read_processor

pytestmark = [pytest.mark.slow, pytest.mark.long]
ROOT = Path(__file__).parents[2]
FEW = """
images: 8
rounds: 1
measured: 3
run_at: 3
plan_at: [4, 20]
default_run: {phantom_count: 30, epochs: 1}
"""


@pytest.fixture(scope="module")
def bench(copy_workflow, tmp_path_factory):
    house = copy_workflow(tmp_path_factory.mktemp("bench"))
    for name in ("requirements.txt", "requirements-measure.txt"):
        shutil.copy(ROOT / name, house.folder)
    (house.folder / "bench.yaml").write_text(FEW)
    house.snakemake("bench")
    return house.folder / "results" / "bench"


def test_every_figure_is_measured_and_in_order(bench):
    figures = json.loads((bench / f"{read_processor().kind}.json").read_text())["figures"]
    assert {name.partition("/")[0] for name in figures} == set(TITLES)
    assert {f"plan_s/{count}" for count in (4, 20)} < set(figures)
    assert figures["decoding_ms"]["median"] < figures["file_to_mm_ms"]["median"]
    assert figures["best_epoch_ms_an_image"] < figures["epoch_ms_an_image"]["median"]
    assert figures["epoch_times_faster"]["median"] > 1
    assert figures["first_result_s/3"]["median"] < figures["measure_s/3"]["median"]
    assert figures["nothing_to_do_s/3"] < figures["one_image_more_s/3"] < figures["default_run_s"]
    assert figures["good_after_s"] is None  # after one epoch
    assert 100 < figures["measuring_mb"] < figures["installed_mb"]


def test_every_figure_has_its_row(bench):
    table = (bench / "bench.md").read_text()
    assert table.count("\n| ") == 5 + len(TITLES) + 3  # of two plans each kind of figure has two rows
    assert "a plan of 20 images, s" in table
