"""What a run does after one that was killed or failed: all that is missing or old, and nothing else."""

import base64

import cv2
import pytest
from small_run import SMALL

from fetal_biometry.data.phantom import draw_phantom, plan_phantoms
from fetal_biometry.images.cache import shard_of

pytestmark = pytest.mark.slow
HEATMAPS = [f"results/phantom/heatmap/heatmaps/0.{kind}" for kind in ("npy", "csv")]
ARGUMENTS = ("--configfile", "small.yaml")


@pytest.fixture(scope="module")
def house(copy_workflow, tmp_path_factory):
    house = copy_workflow(tmp_path_factory.mktemp("planning"))
    (house.folder / "small.yaml").write_text(f"{SMALL}shards: 2\nepochs: 1\n")
    return house


def leave_unfinished(house, outputs) -> None:
    """As if the job that makes them had been killed after it wrote them, before Snakemake took note."""
    for output in outputs:
        (house.folder / ".snakemake" / "incomplete" / base64.b64encode(output.encode()).decode()).touch()


def test_what_lies_behind_an_unfinished_file_is_still_made(house):
    """Only training takes heatmaps, and takes them as ancient: Snakemake 9.27 alone would make them, and end well."""
    house.snakemake(HEATMAPS[0], "results/phantom/audit.csv", *ARGUMENTS)
    leave_unfinished(house, HEATMAPS)
    planned = house.planned(*ARGUMENTS)
    assert planned["train_model"] == planned["render_report"] == 1 and planned["render_heatmaps"] == 2, planned
    house.snakemake(*ARGUMENTS)
    assert (house.folder / "results" / "phantom" / "report.html").is_file()
    assert house.planned(*ARGUMENTS) == {}


def test_what_is_old_is_made_anew_beside_an_unfinished_file(house):
    """As when an image came, and a kill or a full disk ended the run after stamps were written."""
    house.snakemake(*ARGUMENTS)
    leave_unfinished(house, HEATMAPS)
    cached = house.folder / "results" / "phantom" / "cache" / "0.npy"
    cached.write_bytes(cached.read_bytes()[:-1] + b"?")
    planned = house.planned(*ARGUMENTS)
    assert planned["render_heatmaps"] == planned["predict_landmarks"] == planned["render_report"] == 1, planned
    assert "train_model" not in planned


def test_a_shard_that_was_being_made_anew_costs_no_training(house):
    """As when an image came, and a kill ended the run while its shard was cached: Snakemake had removed the old one."""
    images = house.folder / "extra"
    images.mkdir()
    drawn = {f"my{phantom.image_name}": draw_phantom(phantom) for phantom in plan_phantoms(12, seed=99)}
    first, second, *_ = (name for name in drawn if shard_of(name, 2) == 0)
    cv2.imwrite(str(images / first), drawn[first])
    arguments = (*ARGUMENTS, "--config", "dataset=phantom", "images=extra")
    house.snakemake(*arguments)
    cv2.imwrite(str(images / second), drawn[second])
    for kind in ("npy", "csv"):
        (house.folder / f"results/phantom/cache/0.{kind}").unlink()
    planned = house.planned(*arguments)
    assert planned["cache_images"] == planned["predict_landmarks"] == planned["render_report"] == 1, planned
    assert "train_model" not in planned
