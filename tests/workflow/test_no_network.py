"""Nothing is fetched unless the download target is asked for."""

import subprocess
import sys

import cv2
import pytest
from small_run import SMALL

from fetal_biometry.phantom import draw_phantom, plan_phantoms


def run_without_a_network(house, namespace, *arguments):
    command = [*namespace("net"), sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    done = subprocess.run(
        command, cwd=house.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.slow
def test_images_are_measured_without_a_network(copy_workflow, namespace, tmp_path):
    house = copy_workflow(tmp_path)
    (tmp_path / "images").mkdir()
    for phantom in plan_phantoms(3, seed=5):
        cv2.imwrite(str(tmp_path / "images" / phantom.image_name), draw_phantom(phantom))
    run_without_a_network(house, namespace, "measure", "--config", "images=images")
    assert len(list(tmp_path.glob("results/images/given_model/overlays/*/*.svg"))) == 3


@pytest.mark.slow
def test_a_network_is_trained_judged_and_reported_without_one(copy_workflow, namespace, tmp_path):
    house = copy_workflow(tmp_path)
    (tmp_path / "small.yaml").write_text(f"{SMALL}epochs: 1\n")
    run_without_a_network(house, namespace, "--configfile", "small.yaml")
    assert (tmp_path / "results" / "phantom" / "report.html").stat().st_size > 10_000
