"""What runs again after a change: the design's table of guarantees, row by row.

Every row changes one thing, reads Snakemake's plan, and puts the thing back; after all of them nothing is to be done.
"""

import csv
import os
import shutil
from contextlib import contextmanager

import cv2
import pytest
from small_run import ARGUMENTS, make_small

from fetal_biometry.data.phantom import draw_phantom, plan_phantoms, true_landmarks
from fetal_biometry.plan import shard_of
from fetal_biometry.terms import COLUMNS, Split

pytestmark = pytest.mark.slow
SETTINGS = """
dataset: challenge
run: guarantees
data_root: data
image_folder: images
landmark_table: labels.csv
pixel_sizes: sizes.csv
images: extra
"""
JOINS = {"join_images", "measure_heads", "evaluate_model", "write_model_card", "publish_results", "render_report"}
JUDGING = JOINS - {"measure_heads"}
MEASURING = JOINS | {"calibrate_intervals", "package_model"}
READING = MEASURING - {"join_images"} | {"export_model", "predict_landmarks"}
PACKAGE = "workflow/scripts/fetal_biometry"


class World:
    """Phantoms as somebody's own labelled images, with tables that can be changed, and a few without labels."""

    def __init__(self, house):
        self.house, self.data = house, house.folder / "data"
        make_small(house, more=SETTINGS)
        (self.data / "images").mkdir(parents=True)
        (house.folder / "extra").mkdir()
        phantoms = plan_phantoms(27, seed=5)
        names, points = [phantom.image_name for phantom in phantoms], true_landmarks(phantoms).round(2)
        for number, phantom in enumerate(phantoms):
            folder = self.data / "images" if number < 24 else house.folder / "extra"
            name = names[number] if number < 24 else f"mine-{names[number]}"
            cv2.imwrite(str(folder / name), draw_phantom(phantom))
        self.labels = {name: row.ravel().tolist() for name, row in zip(names[:23], points, strict=False)}
        self.sizes = {phantom.image_name: phantom.pixel_size_mm for phantom in phantoms[:24]}
        self.spare = names[23], points[23].ravel().tolist()
        self.save()

    def save(self) -> None:
        for path, header, rows in (
            ("labels.csv", ["image_name", *COLUMNS], [[name, *label] for name, label in self.labels.items()]),
            ("sizes.csv", ["image_name", "pixel_size_mm"], list(self.sizes.items())),
        ):
            with open(self.data / path, "w", newline="") as file:
                csv.writer(file).writerows([header, *rows])

    def part(self, split: Split) -> list[str]:
        """Names of the images of a split."""
        with open(self.house.folder / "results/guarantees/work/plan" / f"{split}.csv", newline="") as file:
            return [row["image_name"] for row in csv.DictReader(file)]

    def planned(self, *arguments: str) -> dict[str, int]:
        return self.house.planned(*ARGUMENTS, *arguments)


@pytest.fixture(scope="module")
def world(copy_workflow, tmp_path_factory):
    world = World(copy_workflow(tmp_path_factory.mktemp("guarantees")))
    world.house.snakemake(*ARGUMENTS)
    return world


@contextmanager
def edited(path, text: str):
    """A file with something at its end."""
    before = path.read_text(encoding="utf-8")
    path.write_text(before + text, encoding="utf-8")
    yield
    path.write_text(before, encoding="utf-8")


@contextmanager
def changed(world, table: dict, name: str, value):
    """A row of a table with another value, or one more."""
    before = dict(table)
    table[name] = value
    world.save()
    yield
    table.clear()
    table.update(before)
    world.save()


def moved(label: list[float]) -> list[float]:
    return [label[0] + 1.0, *label[1:]]


def test_nothing_changed_nothing_runs(world):
    assert world.planned() == {}


def test_files_touched_without_a_change_nothing_runs(world):
    house = world.house.folder
    for folder in ("data", "extra", "workflow", "recipes", "resources", "results/guarantees/work/plan"):
        for path in (house / folder).rglob("*"):
            if path.is_file():
                os.utime(path)
    for name in ("config.yaml", "limits.yaml", "Snakefile", "small.yaml"):
        os.utime(house / name)
    assert world.planned() == {}


def test_one_image_without_a_label_runs_its_shard_and_the_joins(world):
    extra = world.house.folder / "extra"
    first, *_ = sorted(extra.iterdir())
    beside = next(f"{n}_more.png" for n in range(99) if shard_of(f"{n}_more.png", 2) == shard_of(first.name, 2))
    shard = {"prepare_images": 1, "predict_landmarks": 1}
    shutil.copy(first, extra / beside)
    added = world.planned()
    assert added.keys() == shard.keys() | JOINS and added["prepare_images"] == added["predict_landmarks"] == 1
    (extra / beside).unlink()

    content = first.read_bytes()
    cv2.imwrite(str(first), draw_phantom(plan_phantoms(1, seed=77)[0]))
    assert world.planned().keys() == shard.keys() | JOINS
    first.write_bytes(content)


def test_a_removed_image_is_gone_from_the_results_and_trains_nothing(world):
    """Run for real, and left so."""
    extra, results = world.house.folder / "extra", world.house.folder / "results" / "guarantees"
    gone = sorted(extra.iterdir())[-1]
    gone.unlink()
    ran = world.house.ran(*ARGUMENTS)
    assert ran.keys() - {"prepare_images", "predict_landmarks"} == JOINS
    assert gone.name not in (results / "predictions.csv").read_text()


def test_a_changed_test_label_audits_and_judges_the_test_part(world):
    name = world.part(Split.TEST)[0]
    with changed(world, world.labels, name, moved(world.labels[name])):
        planned = world.planned()
    assert planned == {"audit_labels": 1, **dict.fromkeys(JUDGING, 1)}


def test_a_new_test_label_prepares_audits_and_judges_the_test_part(world):
    name, label = world.spare
    examination = world.part(Split.TEST)[0].partition("_")[0]  # an image more of an examination that tests
    image = f"{examination}_9HC.png"
    shutil.copy(world.data / "images" / name, world.data / "images" / image)
    with changed(world, world.labels, image, label):
        planned = world.planned()
    (world.data / "images" / image).unlink()
    part = {"prepare_images": 1, "audit_labels": 1, "predict_landmarks": 1}
    assert planned == {**part, **dict.fromkeys(JOINS, 1)}


def test_a_pixel_size_measures_and_judges(world):
    with changed(world, world.sizes, world.part(Split.TRAIN)[0], 0.3):
        assert world.planned().keys() == JOINS
    with changed(world, world.sizes, world.part(Split.VALIDATION)[0], 0.3):
        assert world.planned().keys() == MEASURING


def test_a_training_label_trains_and_what_follows(world):
    name = world.part(Split.TRAIN)[0]
    with changed(world, world.labels, name, moved(world.labels[name])):
        planned = world.planned()
    assert planned["audit_labels"] == planned["render_heatmaps"] == planned["train_model"] == 1
    assert "prepare_images" not in planned and "draw_negatives" not in planned


def test_a_setting_of_reading_predicts_and_trains_nothing(world):
    recipe = world.house.folder / "recipes" / "small.yaml"
    with edited(recipe, "reading: { test_time_augmentation: none }\n"):
        planned = world.planned()
    assert planned.keys() == READING


def test_a_setting_of_training_trains_and_prepares_nothing(world):
    planned = world.planned("--config", "epochs=2")
    assert planned["train_model"] == 1 and not planned.keys() & {"prepare_images", "audit_labels", "draw_negatives"}


def test_a_setting_of_measuring_predicts_nothing(world):
    assert world.planned("--config", "growth_chart=hadlock").keys() == JOINS - {"join_images"}


def test_a_limit_of_the_flags_only_measures_again(world):
    limits = world.house.folder / "limits.yaml"
    before = limits.read_text()
    limits.write_text(before.replace("contrast: 0.2", "contrast: 0.3"))
    planned = world.planned()
    limits.write_text(before)
    assert planned.keys() == JOINS - {"join_images"}


@pytest.mark.parametrize(
    ("module", "runs", "spares"),
    [
        ("report/model_card.md.j2", {"write_model_card"}, {"train_model", "measure_heads"}),
        ("measure/flags.py", {"measure_heads"}, {"train_model", "predict_landmarks"}),
        ("model/inference.py", {"predict_landmarks"}, {"train_model", "prepare_images"}),
        ("model/heatmaps.py", {"render_heatmaps", "train_model", "predict_landmarks"}, {"prepare_images"}),
    ],
)
def test_an_edited_module_runs_the_rules_that_import_it(world, module, runs, spares):
    note = "\n{# edited #}\n" if module.endswith("j2") else "\n# edited\n"
    with edited(world.house.folder / PACKAGE / module, note):
        planned = world.planned()
    assert runs <= planned.keys() and not (spares - runs) & planned.keys() - {"publish_results", "render_report"}


def test_a_lost_product_is_made_again_and_what_is_whole_is_not(world):
    """Run for real. Snakemake makes a lost file again only where a result needs it."""
    results = world.house.folder / "results" / "guarantees"
    for lost in ("predictions.csv", "work/small/predictions.csv", "work/small/predicted/test.csv"):
        (results / lost).unlink()
    ran = world.house.ran(*ARGUMENTS)
    assert {"predict_landmarks", "measure_heads", "publish_results"} <= ran.keys() and ran["predict_landmarks"] == 1
    assert not ran.keys() & {"train_model", "prepare_images", "export_model", "draw_negatives"}


def test_in_the_end_nothing_is_to_be_done(world):
    assert world.planned() == {}
