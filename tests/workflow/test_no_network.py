"""Nothing is fetched unless the download target is asked for."""

import cv2
import pytest
from small_run import SMALL

from fetal_biometry.data.phantom import draw_phantom, plan_phantoms


@pytest.mark.slow
def test_images_are_measured_without_a_network(copy_workflow, namespace, tmp_path):
    house = copy_workflow(tmp_path)
    (tmp_path / "images").mkdir()
    for phantom in plan_phantoms(3, seed=5):
        cv2.imwrite(str(tmp_path / "images" / phantom.image_name), draw_phantom(phantom))
    house.snakemake("measure", "--config", "images=images", inside=namespace("net"))
    assert len(list(tmp_path.glob("results/images/given_model/overlays/*/*.svg"))) == 3


@pytest.mark.slow
def test_a_network_is_trained_judged_and_reported_without_one(copy_workflow, namespace, tmp_path):
    house = copy_workflow(tmp_path)
    (tmp_path / "small.yaml").write_text(f"{SMALL}epochs: 1\n")
    house.snakemake("--configfile", "small.yaml", inside=namespace("net"))
    assert (tmp_path / "results" / "phantom" / "report.html").stat().st_size > 10_000
