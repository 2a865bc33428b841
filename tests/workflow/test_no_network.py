"""Nothing is fetched unless the download target is asked for."""

import subprocess
import sys

import cv2
import pytest

from fetal_biometry.phantom import draw_phantom, plan_phantoms


@pytest.mark.slow
def test_images_are_measured_without_a_network(copy_workflow, namespace, tmp_path):
    house = copy_workflow(tmp_path)
    (tmp_path / "images").mkdir()
    for phantom in plan_phantoms(3, seed=5):
        cv2.imwrite(str(tmp_path / "images" / phantom.image_name), draw_phantom(phantom))
    measure = [sys.executable, "-m", "snakemake", "measure", "--cores", "2", "--config", "images=images"]
    command = [*namespace("net"), *measure]
    done = subprocess.run(
        command, cwd=house.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert len(list(tmp_path.glob("results/images/given_model/overlays/*/*.svg"))) == 3
