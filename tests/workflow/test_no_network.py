"""Nothing is fetched unless the download target is asked for."""

import shutil
import subprocess
import sys

import cv2
import pytest

from fetal_biometry.phantom import draw_phantom, plan_phantoms

ALONE = ("unshare", "--map-root-user", "--net")  # a network of its own, in which nothing is


@pytest.mark.slow
def test_images_are_measured_without_a_network(copy_workflow, tmp_path):
    if not shutil.which("unshare") or subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespace can be made here")
    house = copy_workflow(tmp_path)
    (tmp_path / "images").mkdir()
    for phantom in plan_phantoms(3, seed=5):
        cv2.imwrite(str(tmp_path / "images" / phantom.image_name), draw_phantom(phantom))
    command = [*ALONE, sys.executable, "-m", "snakemake", "measure", "--cores", "2", "--config", "images=images"]
    done = subprocess.run(
        command, cwd=house.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert len(list(tmp_path.glob("results/images/given_model/overlays/*/*.svg"))) == 3
