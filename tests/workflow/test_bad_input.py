"""What is wrong stops the run, where it can while planning, with one message that says what and where it is."""

import csv
import subprocess
import sys

import cv2
import numpy as np
import pandas as pd
import pytest
from small_run import make_small

from fetal_biometry.model.geometry import ellipse_landmarks
from fetal_biometry.terms import COLUMNS

SETTINGS = """
run: bad
dataset: challenge
data_root: data
image_folder: images
landmark_table: table.csv
"""
ARGUMENTS = ("--configfile", "small.yaml")
TABLES = ("results/bad/work/images.csv", "results/bad/work/quarantine.csv")


@pytest.fixture(scope="module")
def build(copy_workflow, tmp_path_factory):
    """``build()``: a copy of the workflow beside six drawn images with a landmark table."""

    def fresh():
        house = copy_workflow(tmp_path_factory.mktemp("bad"))
        make_small(house, more=SETTINGS, negatives=0)
        (house.folder / "data" / "images").mkdir(parents=True)
        rng = np.random.default_rng(5)
        with open(house.folder / "data" / "table.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["image_name", *COLUMNS])
            for number in range(6):
                name = f"{number:03}_HC.png"
                cv2.imwrite(str(house.folder / "data" / "images" / name), rng.integers(0, 255, (96, 128), np.uint8))
                writer.writerow([name, *ellipse_landmarks((64, 48), 40, 30, 0.3).ravel().round(2)])
        return house

    return fresh


@pytest.fixture(scope="module")
def tiny(build):
    """What the tests that only plan share."""
    house = build()
    edit_table(house, lambda rows: rows[3].__setitem__(2, "nan"), "wrong.csv")
    return house


def edit_table(house, edit, name="table.csv"):
    """Write the landmark table, edited, under a name."""
    rows = [line.split(",") for line in (house.folder / "data" / "table.csv").read_text().split()]
    edit(rows)
    (house.folder / "data" / name).write_text("\n".join(",".join(row) for row in rows) + "\n")


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--config", "epoch=3"], ["epoch", "epochs"]),
        (["--config", "model=gone.onnx"], ["gone.onnx"]),
        (["--config", "landmark_table=wrong.csv"], ["wrong.csv, row 4", "002_HC.png", "ofd_1_y"]),
        (["--config", "seed=1_0"], ["seed=1_0", "10"]),
        (["--config", "data_root=elsewhere"], ["elsewhere/images", "data_root"]),
        (["measure"], ["images=FOLDER"]),
        (["rebuild_model"], ["challenge", "datasets/hc18.yaml"]),
    ],
)
def test_a_refusal_while_planning_is_one_line(tiny, arguments, words):
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "1", *arguments, *ARGUMENTS]
    done = subprocess.run(command, cwd=tiny.folder, capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if "profiles/default" not in line]
    assert done.returncode and len(said) == 1 and said[0].startswith("Error: "), done.stderr
    assert all(word in said[0] for word in words), said
    assert "Traceback" not in done.stdout


def test_a_download_plans_without_the_data(tiny):
    overlays = ("--configfile", "datasets/hc18.yaml", "datasets/african_planes.yaml")
    targets = ("download_hc18", "download_african_planes", "download_fetal_planes")
    assert tiny.planned(*targets, *overlays) == dict.fromkeys(targets, 1)


@pytest.mark.slow
def test_an_unreadable_image_stops_the_run_before_a_training(build):
    """Also where the image is one that tests, on which no training waits."""
    house = build()
    image = house.folder / "data" / "images" / "004_HC.png"
    image.write_bytes(image.read_bytes()[:4000])
    done = house.snakemake(*ARGUMENTS, check=False)
    assert done.returncode and "Error in prepare_images: data/images/004_HC.png" in done.stdout, done.stdout[-3000:]
    assert "Traceback" not in done.stdout
    assert not list((house.folder / "results").rglob("train_model.log"))


@pytest.mark.slow
def test_one_label_is_too_little_to_train_on(build):
    house = build()
    edit_table(house, lambda rows: rows.__delitem__(slice(2, None)))
    done = house.snakemake(*ARGUMENTS, check=False)
    assert done.returncode and "1 valid training labels; at least 2 are needed" in done.stdout, done.stdout[-3000:]
    assert "Traceback" not in done.stdout


@pytest.mark.slow
def test_a_bad_image_is_quarantined_until_it_is_mended(build):
    """One file that is cut short, one row without a number, and one label far outside its image."""
    house = build()
    image = house.folder / "data" / "images" / "003_HC.png"
    whole = image.read_bytes()
    image.write_bytes(whole[:4000])
    edit_table(house, lambda rows: (rows[5].__setitem__(2, "nan"), rows[6].__setitem__(1, "900")))
    arguments = (*TABLES, *ARGUMENTS, "--config", "on_bad_image=quarantine")
    house.snakemake(*arguments)
    images, quarantine = (pd.read_csv(house.folder / table, index_col="image_name") for table in TABLES)
    assert sorted(quarantine.index) == ["003_HC.png", "004_HC.png", "005_HC.png"]
    assert list(images.index[images["verdict"].notna()]) == ["000_HC.png", "001_HC.png", "002_HC.png"]
    assert not images.index.isin(["003_HC.png", "004_HC.png"]).any()
    assert "row 6" in quarantine.loc["004_HC.png", "reason"] and "(900.0" in quarantine.loc["005_HC.png", "reason"]
    assert house.planned(*arguments) == {}

    image.write_bytes(whole)
    ran = house.ran(*arguments)
    assert ran == {"prepare_images": 1, "audit_labels": 1, "join_images": 1}, "the other parts are as they were"
    images, quarantine = (pd.read_csv(house.folder / table, index_col="image_name") for table in TABLES)
    assert "003_HC.png" in images.index and "003_HC.png" not in quarantine.index
