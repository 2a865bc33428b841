"""Every command of README and docs runs exactly as it stands there; those of planned_commands.txt are only planned."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from fetal_biometry.data.phantom import draw_phantom, plan_phantoms, true_landmarks
from fetal_biometry.measure.site import CONVENTIONS
from fetal_biometry.model.geometry import all_lengths
from fetal_biometry.terms import COLUMNS, LANDMARKS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PAGES = ["docs/tutorial.md", "README.md", *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))]
PAGES = list(dict.fromkeys(PAGES))
PLANNED = {
    line
    for line in Path(__file__).with_name("planned_commands.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
}


def commands(page: str) -> list[tuple[str, str]]:
    """``("sh" or "python", text)`` of a page, in order: shell lines one by one, unless a here-document joins them."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", text, flags=re.M | re.DOTALL)
    assert {language for language, _ in blocks} <= {"sh", "python"}, page
    found = []
    for language, block in blocks:
        whole = language == "python" or "<<" in block
        found += [(language, block)] if whole else [(language, line) for line in block.splitlines() if line]
    return found


def planned_form(command: str) -> str:
    """What is run of a command that is only planned: its dry run, or else a look at the files that it names."""
    words = shlex.split(command)
    if words[0] == "snakemake":
        local = " --executor local" if "profiles/slurm" in words else ""
        return command.replace("snakemake", f"snakemake -n{local}", 1).replace(" --sdm conda", "")
    if words[0] == "make":
        return command.replace("make", "make -n", 1)
    named = re.findall(r"(?:-r|-f) (\S+)", command)
    return " && ".join(["true", *(f"test -f {shlex.quote(name)}" for name in named)])


def write_labels(path: Path, names: list[str], points: np.ndarray, **more) -> None:
    table = pd.DataFrame(points.reshape(-1, 8).round(1), columns=list(COLUMNS))
    table.insert(0, "image_name", names)
    table.assign(**more).to_csv(path, index=False)


def write_data(home: Path) -> None:
    """What the commands take: images, tables, a model and a site of the user's, and the public data sets' layouts."""
    phantoms = plan_phantoms(12, seed=8)
    names, points = [phantom.image_name for phantom in phantoms], true_landmarks(phantoms)
    sizes = [phantom.pixel_size_mm for phantom in phantoms]
    hc18, planes = home / "resources/data/hc18", home / "resources/data/external"
    folders = [home / "FOLDER", hc18 / "training_set", planes / "african_planes/images", planes / "fetal_planes/images"]
    for folder in folders:
        folder.mkdir(parents=True)
    for phantom, ends in zip(phantoms, points, strict=True):
        grey = draw_phantom(phantom)
        for folder in folders:
            cv2.imwrite(str(folder / phantom.image_name), grey)
        middle, half = (phantom.centre_x, phantom.centre_y), (phantom.semi_long_px, phantom.semi_short_px)
        outline = np.zeros_like(grey)
        cv2.ellipse(outline, (middle, (2 * half[0], 2 * half[1]), np.degrees(phantom.angle_rad)), 255)
        cv2.imwrite(str(hc18 / "training_set" / phantom.image_name.replace(".png", "_Annotation.png")), outline)
        shapes = [
            {"label": name, "shape_type": "point", "points": [end.tolist()]}
            for name, end in zip(LANDMARKS, ends, strict=True)
        ]
        (home / "FOLDER" / phantom.image_name.replace(".png", ".json")).write_text(
            json.dumps({"imagePath": phantom.image_name, "shapes": shapes})
        )
    lengths = all_lengths(points) * np.array(sizes)[:, None]
    own = pd.DataFrame({"image_name": names, "pixel_size_mm": sizes, "bpd_mm": lengths[:, 0], "ofd_mm": lengths[:, 1]})
    own.to_csv(home / "lengths.csv", index=False)
    write_labels(home / "labels.csv", names, points, pixel_size_mm=sizes)
    review = {"status": "corrected", "who": "Ada", "when": "2026-01-02T03:04:05Z", "comment": ""}
    write_labels(home / "corrections.csv", names, points, pixel_size_mm=sizes, **review)
    (home / "resources/data/challenge").mkdir()
    write_labels(home / "resources/data/challenge/role_challenge_dataset_ground_truth.csv", names, points)
    stated = pd.DataFrame({"filename": names, "pixel size(mm)": sizes, "head circumference (mm)": lengths[:, 2]})
    stated.to_csv(hc18 / "training_set_pixel_size_and_HC.csv", index=False)
    parts = ["test" if name >= "007" else "train" for name in names]
    split = pd.DataFrame({"image_name": names, "split": parts})
    split.to_csv(hc18 / "multicentre_split.csv", index=False)
    for place in planes.iterdir():
        index = pd.DataFrame({"image_name": names, "plane": "head", "centre": place.name, "patient": range(len(names))})
        index.assign(duplicate_of="").to_csv(place / "index.csv", index=False)
    (home / "results/own").mkdir(parents=True)
    shutil.copy2(ROOT / "resources/models/hc18.onnx", home / "results/own/model.onnx")
    (home / "results/images").mkdir()
    (home / "results/images/site.json").write_text(CONVENTIONS["mid_skull"].model_dump_json())


@pytest.fixture(scope="module")
def home(copy_workflow, tmp_path_factory):
    """A copy of the checkout with data, where `make` finds this Python as its `.venv`."""
    folder = copy_workflow(tmp_path_factory.mktemp("documented")).folder
    for part in ("resources/examples", "resources/templates"):
        shutil.copytree(ROOT / part, folder / part)
    for file in (ROOT / "Makefile", *ROOT.glob("requirements*.txt")):
        shutil.copy2(file, folder / file.name)
    (folder / ".venv/bin").mkdir(parents=True)
    python = folder / ".venv/bin/python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    shutil.copy2(folder / "requirements.txt", folder / ".venv/installed.txt")
    (folder / "CLONE").symlink_to(folder)
    write_data(folder)
    return folder


def run(home: Path, language: str, text: str) -> str:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(home / "workflow" / "scripts"),
    }
    command = [sys.executable, "-c", text] if language == "python" else ["bash", "-euo", "pipefail", "-c", text]
    done = subprocess.run(
        command, cwd=home, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    assert done.returncode == 0, f"{text}\n{done.stdout[-3000:]}"
    return done.stdout


def test_what_is_only_planned_stands_in_the_docs():
    assert not PLANNED - {text for page in PAGES for _, text in commands(page)}


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)])
def test_each_command_of_a_page_runs_or_can_be_planned(home, page):
    said = [run(home, language, planned_form(text) if text in PLANNED else text) for language, text in commands(page)]
    if page == "docs/tutorial.md":
        check_tutorial(home, said)


def check_tutorial(home: Path, said: list[str]) -> None:
    """The tutorial's commands say what its sentences claim."""
    line, _, trained, rows, valid, again, chart, one_more, width, _ = said
    lengths = [float(length) for length in re.findall(r"(\d+\.\d) \(", line)]
    assert lengths == pytest.approx([44.8, 52.6, 153.2], rel=0.03)
    assert "results/small/report.html" in trained and len(rows.splitlines()) == 3 and int(valid) > 20
    assert "Nothing to be done" in again
    for plan, job in ((chart, "measure_heads"), (one_more, "prepare_images")):
        assert job in plan and "train_model" not in plan
    assert len(width.splitlines()) == 3
    assert (home / "provenance.html").is_file()
