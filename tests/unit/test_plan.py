"""The plan: which part an image is in, and that each reader's file changes with what it reads alone."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from joined import LIMITS, write
from PIL import Image

from fetal_biometry.configuration import Config
from fetal_biometry.data.source import MissingData
from fetal_biometry.errors import InputError
from fetal_biometry.frames import points_of, read_frame
from fetal_biometry.limits import AuditLimits, FlagLimits, ReviewLimits, read_limits
from fetal_biometry.plan import Plan, locked, read_plan, refuse_earlier_clock, shard_of
from fetal_biometry.run_recipes import read_recipes
from fetal_biometry.terms import COLUMNS

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow" / "scripts"
LABELLED = 12
SHARD = {name: f"images/{shard_of(name, 4)}" for name in (f"new_{number}.png" for number in range(20))}


@pytest.fixture
def data(tmp_path):
    """A landmark table of twelve examinations, and two unlabelled images of different shards."""
    rng = np.random.default_rng(3)
    (tmp_path / "images").mkdir()
    (tmp_path / "more").mkdir()
    rows = [",".join(["image_name", *COLUMNS])]
    for number in range(LABELLED):
        save(tmp_path / "images" / f"{number:03}_HC.png", rng)
        rows.append(f"{number:03}_HC.png,10,50,90,50,50,20,50,{80 - number}")
    (tmp_path / "landmarks.csv").write_text("\n".join(rows) + "\n")
    write_sizes(tmp_path, 0.1)
    save(tmp_path / "more" / "new_0.png", rng)
    save(tmp_path / "more" / "new_1.png", rng)
    assert SHARD["new_0.png"] != SHARD["new_1.png"]
    return tmp_path


def save(path, rng):
    Image.fromarray(rng.integers(0, 256, (100, 120), np.uint8)).save(path)


def write_sizes(folder, first):
    sizes = [f"{number:03}_HC.png,{0.1 if number else first}" for number in range(LABELLED)]
    (folder / "sizes.csv").write_text("\n".join(["image_name,pixel_size_mm", *sizes]) + "\n")


def config_of(data, **values):
    place = {"data_root": str(data), "image_folder": "images", "landmark_table": "landmarks.csv"}
    given = {"dataset": "challenge", "pixel_sizes": "sizes.csv", "images": str(data / "more"), "test_fraction": 0.3}
    return Config(**{**place, **given, "shards": 4, **values})


def plan(data, **values) -> Plan:
    return write(config_of(data, **values), data / "work")


def files(data) -> dict[str, str]:
    folder = data / "work" / "plan"
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.csv")}


def changed(before, after) -> set[str]:
    return {name for name in before | after if before.get(name) != after.get(name)}


def table(data, name):
    return read_frame(data / "work" / "plan" / name)


def test_each_image_is_in_one_part_and_each_reader_has_a_file(data):
    written = plan(data)
    assert written.parts == sorted(["train", "validation", "test", SHARD["new_0.png"], SHARD["new_1.png"]])
    assert written.labelled == ["test", "train", "validation"] and written.trained_on == ["train", "validation"]
    assert written.referenced == [] and written.missing == ""
    images = {part: list(table(data, f"{part}.csv").index) for part in written.parts}
    everyone = sorted(name for names in images.values() for name in names)
    assert everyone == [f"{number:03}_HC.png" for number in range(LABELLED)] + ["new_0.png", "new_1.png"]
    assert images[SHARD["new_0.png"]] == ["new_0.png"]
    ends = {part: [".csv", ".facts.csv"] for part in images}
    ends |= {part: [".csv", ".facts.csv", ".labels.csv", ".folds.csv"] for part in written.labelled}
    assert set(files(data)) == {f"{part}{end}" for part in ends for end in ends[part]} | {"quarantine.csv"}
    for part in written.labelled:
        assert all(list(table(data, f"{part}{end}").index) == images[part] for end in ends[part])
        assert table(data, f"{part}.folds.csv")["fold"].between(0, 3).all()
    assert points_of(table(data, "train.labels.csv")).shape == (len(images["train"]), 4, 2)
    assert table(data, "test.facts.csv")["pixel_size_mm"].eq(0.1).all()
    assert read_plan(data / "work" / "plan") == written


def test_an_unchanged_plan_writes_nothing(data):
    plan(data)
    before = {path: path.stat().st_mtime_ns for path in (data / "work").rglob("*") if path.is_file()}
    (data / "images" / "000_HC.png").touch()
    plan(data)
    after = {path: path.stat().st_mtime_ns for path in (data / "work").rglob("*") if path.is_file()}
    assert {path.name for path in after if after[path] != before.get(path)} == {"index.json"}


def test_an_image_without_a_label_changes_its_own_shard_alone(data):
    plan(data)
    before = files(data)
    added = next(name for name, shard in SHARD.items() if shard == SHARD["new_0.png"] and name != "new_0.png")
    save(data / "more" / added, np.random.default_rng(4))
    plan(data)
    assert changed(before, files(data)) == {f"{SHARD[added]}.csv", f"{SHARD[added]}.facts.csv"}
    (data / "more" / added).unlink()
    plan(data)
    assert files(data) == before
    (data / "more" / "new_1.png").unlink()
    written = plan(data)
    assert SHARD["new_1.png"] not in written.parts, "stale files of a part are removed"
    assert changed(before, files(data)) == {f"{SHARD['new_1.png']}.csv", f"{SHARD['new_1.png']}.facts.csv"}


def test_few_images_are_one_shard_and_labelled_ones_do_not_count(data):
    assert [part for part in plan(data, shards=None).parts if "/" in part] == ["images/0"]
    assert [Config().shards_of(images) for images in (0, 499, 500, 10**6)] == [1, 1, 4, 4]
    assert Config(shards=7).shards_of(1) == 7


def test_images_that_trained_a_model_are_measured_by_the_networks_of_folds():
    written = Plan(["images/0", "test", "train", "validation"], out_of_fold=["crossed"], folds=2)
    assert written.calibrating("crossed") == ["train", "validation"] and written.calibrating("held") == ["validation"]
    assert written.found("held", ["train", "test"]) == ["held/predicted/train.csv", "held/predicted/test.csv"]
    folds = [f"crossed/fold_{fold}/predicted/train.csv" for fold in (0, 1)]
    assert written.found("crossed", ["train", "test"]) == [*folds, "crossed/predicted/test.csv"]
    assert written.found("crossed", ["images/0"]) == ["crossed/predicted/images/0.csv"]


def test_the_plan_knows_the_recipes_that_networks_of_folds_calibrate(tmp_path):
    config = Config(image_folder="gone", dataset="hc18", folds=3)
    recipes = read_recipes(config, [ROOT / "recipes"])
    wanted = {name for name, recipe in recipes.items() if recipe.training.calibrate_on == "out_of_fold"}
    written = write(config, tmp_path, recipes)
    assert set(written.out_of_fold) == wanted and written.folds == 3


def test_a_pixel_size_changes_facts_alone_and_a_label_its_part_s_labels(data):
    plan(data)
    before = files(data)
    (part,) = (part for part in ("train", "validation", "test") if "000_HC.png" in before[f"{part}.csv"])
    write_sizes(data, 0.2)
    plan(data)
    assert changed(before, files(data)) == {f"{part}.facts.csv"}
    write_sizes(data, 0.1)
    rows = (data / "landmarks.csv").read_text()
    (data / "landmarks.csv").write_text(rows.replace("000_HC.png,10,", "000_HC.png,11,"))
    plan(data)
    assert changed(before, files(data)) == {f"{part}.labels.csv"}
    (data / "landmarks.csv").write_text(rows)
    save(data / "images" / "000_HC.png", np.random.default_rng(5))
    plan(data)
    assert changed(before, files(data)) == {f"{part}.csv"}


def test_a_table_in_another_order_changes_nothing(data):
    plan(data)
    before = files(data)
    header, *rows = (data / "landmarks.csv").read_text().splitlines()
    (data / "landmarks.csv").write_text("\n".join([header, *rows[::-1]]) + "\n")
    plan(data)
    assert files(data) == before


def test_references_and_annotations_are_named_by_their_content(data):
    for number in range(LABELLED):
        save(data / "images" / f"{number:03}_HC_Annotation.png", np.random.default_rng(number))
    written = plan(data, reference_folder="images")
    assert written.referenced == written.labelled
    before = files(data)
    (part,) = (part for part in written.labelled if "000_HC.png" in before[f"{part}.csv"])
    save(data / "images" / "000_HC_Annotation.png", np.random.default_rng(99))
    plan(data, reference_folder="images")
    assert changed(before, files(data)) == {f"{part}.references.csv"}
    plan(data, dataset="hc18")
    (row,) = (row for row in table(data, f"{part}.labels.csv").to_dict("records") if row["image_name"] == "000_HC.png")
    assert row["annotation"].endswith("000_HC_Annotation.png") and len(row["annotation_sha256"]) == 64
    assert np.isnan(row["ofd_1_x"])
    assert f"{part}.references.csv" not in files(data), "stale files of a kind are removed"


def test_each_recipe_has_a_file_for_training_and_one_for_reading(tmp_path):
    config = Config(image_folder="gone", dataset="hc18")

    def recipes_of(**values):
        write(config, tmp_path, read_recipes(config.model_copy(update=values), [ROOT / "recipes"]))
        return {path.name: path.read_bytes() for path in (tmp_path / "plan" / "recipes").iterdir()}

    before = recipes_of()
    assert {"heatmap.training.yaml", "heatmap.reading.yaml", "audit.training.yaml"} <= set(before)
    assert changed(before, recipes_of(seed=7)) == {"heatmap.training.yaml"}


def test_each_reader_of_limits_has_a_file(tmp_path):
    """A limit of the flags must not train anything anew, nor one of networks audit by geometry again."""
    config = Config(image_folder="gone", dataset="hc18")

    def limits_of(**changes):
        blocks = {block: getattr(LIMITS, block).model_copy(update=values) for block, values in changes.items()}
        write(config, tmp_path, limits=LIMITS.model_copy(update=blocks))
        return {path.name: path.read_text() for path in (tmp_path / "plan").glob("limits.*")}

    before = limits_of()
    assert changed(before, limits_of(flags={"border_px": 9})) == {"limits.flags.yaml"}
    assert changed(before, limits_of(audit_networks={"confidence": 0.9})) == {"limits.review.yaml"}
    assert changed(before, limits_of(audit={"angle_deg": 9})) == {"limits.audit.yaml", "limits.review.yaml"}
    kinds = {"audit": AuditLimits, "review": ReviewLimits, "flags": FlagLimits}
    found = {reader: read_limits(tmp_path / "plan" / f"limits.{reader}.yaml", kind) for reader, kind in kinds.items()}
    assert found["audit"] == found["review"].audit == LIMITS.audit.model_copy(update={"angle_deg": 9})
    assert found["flags"] == LIMITS.flags


def test_a_model_that_is_given_needs_nothing_to_train_on(data):
    everything = {"test_fraction": 0.99, "validation_fraction": 0.0, "split_seed": 1}
    with pytest.raises(InputError, match="12 examinations to train on"):
        plan(data, **everything)
    assert "train" not in plan(data, **everything, model="model.onnx").parts


def test_a_missing_folder_is_no_error_until_something_needs_it(data):
    written = plan(data, image_folder="gone")
    assert written.parts == [] and "gone: the image folder does not exist" in written.missing
    assert issubclass(MissingData, InputError)
    with pytest.raises(InputError, match=r"gone\.csv"):
        plan(data, landmark_table="gone.csv")


def test_there_may_be_no_plan_yet(tmp_path):
    assert "there is no plan" in read_plan(tmp_path / "plan").missing


def test_another_run_is_seen_by_its_locks(tmp_path):
    locks = tmp_path / "locks"
    assert not locked("results/mine", locks)
    locks.mkdir()
    (locks / "0.input.lock").write_text("results/other/report.html\n")
    assert not locked("results/mine", locks), "runs of two names may be at work at once"
    (locks / "0.output.lock").write_text("results/mine/report.html\n")
    assert locked("results/mine", locks)


def test_a_clock_that_was_set_back_is_seen(tmp_path):
    """Results of the future would hide every change that is made until then."""
    refuse_earlier_clock(tmp_path / "incomplete")
    (tmp_path / "incomplete").mkdir()
    refuse_earlier_clock(tmp_path / "incomplete")
    later = time.time() + 3600
    os.utime(tmp_path / "incomplete", (later, later))
    with pytest.raises(InputError, match="the clock was set back"):
        refuse_earlier_clock(tmp_path / "incomplete")


def test_a_shard_is_a_name_s_for_ever():
    """Another value would throw away every prepared image in use."""
    assert [shard_of(name, 8) for name in ("000_HC.png", "010_2HC.png", "ä.png")] == [4, 0, 5]
    counts = np.bincount([shard_of(f"{number:03d}_HC.png", 8) for number in range(4000)], minlength=8)
    assert counts.min() > 400 and counts.max() < 600  # five standard deviations about 500


def test_planning_needs_no_heavy_library():
    """Each job reads the rules, and with them these modules."""
    code = (
        "import sys; from fetal_biometry import plan, configuration; from fetal_biometry.data import sources; "
        "print(*{'numpy', 'cv2', 'pandas', 'torch', 'pydicom', 'PIL'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
