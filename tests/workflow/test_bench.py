"""`snakemake bench` on a few images: every figure is there, and makes sense."""

import json

import pytest

from fetal_biometry.processor import read_processor

pytestmark = [pytest.mark.slow, pytest.mark.long]
FEW = "{images: 8, rounds: 1, resident: [32, 128], run_at: 3, plan_at: [4, 20]}\n"


@pytest.fixture(scope="module")
def bench(copy_workflow, tmp_path_factory):
    house = copy_workflow(tmp_path_factory.mktemp("bench"))
    (house.folder / "bench.yaml").write_text(FEW)
    house.snakemake("bench")
    return house.folder / "results" / "bench"


def test_ratios_are_of_one_round_and_in_order(bench):
    figures = json.loads((bench / f"{read_processor().kind}.json").read_text())
    training, inference, workflow = (figures[part] for part in ("training", "inference", "workflow"))
    assert set(training["times_faster_than_plain"]) == {"baseline", "heatmap", "hc18"}
    assert training["times_faster_than_plain"]["heatmap"]["median"] > 1
    assert all(0 < share["median"] < 1 for share in training["share_of_product"].values())
    spent = {name: value["median"] for name, value in inference["milliseconds_an_image"].items()}
    assert spent["decode"] < spent["ours"] and inference["times_decoding"]["median"] > 1
    assert inference["resident_mib"]["128"] < 1.2 * inference["resident_mib"]["32"]  # two batches and eight
    assert workflow["nothing_to_do"]["seconds"] < workflow["first_run"]["seconds"]
    assert set(workflow["plans"]) == {"4", "20"}


def test_every_contender_and_number_of_images_has_its_row(bench):
    table = (bench / "bench.md").read_text()
    rows = [row for row in table.splitlines() if row.startswith("| ")]
    assert len(rows) > 25
    assert all(any(number in row for row in rows) for number in ("128 images", "20 images"))
    assert "<svg" in (bench / "bench.svg").read_text()
