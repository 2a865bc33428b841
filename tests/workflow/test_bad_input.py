"""What is wrong stops the run before any training, with one message that names file, row and remedy."""

import csv

import cv2
import numpy as np
import pytest

from fetal_biometry.model.geometry import ellipse_landmarks
from fetal_biometry.model.landmarks import COLUMNS

OVERLAY = """
run: bad
dataset: challenge
data_root: data
image_folder: images
landmark_table: table.csv
epochs: 1
shards: 2
"""


@pytest.fixture
def tiny(copy_workflow, tmp_path):
    """A copy of the workflow beside six drawn images with a landmark table."""
    house = copy_workflow(tmp_path)
    (tmp_path / "data" / "images").mkdir(parents=True)
    rng = np.random.default_rng(5)
    with open(tmp_path / "data" / "table.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image_name", *COLUMNS])
        for number in range(6):
            name = f"{number:03}_HC.png"
            cv2.imwrite(str(tmp_path / "data" / "images" / name), rng.integers(0, 255, (96, 128), np.uint8))
            points = ellipse_landmarks((64, 48), 40, 30, 0.3)
            writer.writerow([name, *points.ravel().round(2)])
    (tmp_path / "overlay.yaml").write_text(OVERLAY)
    return house


def refused(house, *arguments):
    """The message with which a run is refused; no network may have been trained before."""
    done = house.snakemake("--configfile", "overlay.yaml", *arguments, check=False)
    assert done.returncode != 0, done.stdout[-3000:]
    assert "Traceback" not in done.stdout, done.stdout[-3000:]
    assert not list((house.folder / "results").glob("**/train_model.log")), "a training had begun"
    return done.stdout


def edit_table(house, edit):
    table = house.folder / "data" / "table.csv"
    rows = [line.split(",") for line in table.read_text().split()]
    edit(rows)
    table.write_text("\n".join(",".join(row) for row in rows) + "\n")


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--config", "epoch=3"], ["epoch", "unexpected"]),
        (["--config", "epochs=many"], ["many", "integer"]),
        (["--config", "sigma_px=-1"], ["-1", "minimum"]),
        (["--config", "experiment=resnet"], ["resnet", "none of heatmap"]),
        (["--config", "examination_pattern=([)"], ["examination_pattern", "no pattern"]),
        (["--config", r"examination_pattern=\(x\)"], ["examination_pattern", "no group"]),
        (["--config", "on_bad_image=ignore"], ["ignore", "stop", "quarantine"]),
        (["--config", "batch_size=0"], ["batch_size", "minimum"]),
        (["--config", "shards=0"], ["shards", "minimum"]),
        (["--config", "image_size=250"], ["image_size 250 is no multiple"]),
        (["--config", "cache_size=128"], ["cache_size 128", "image_size 256"]),
        (["--config", "interval_level=1.5"], ["interval_level", "1.5"]),
        (["--config", "validation_fraction=0.6", "test_fraction=0.5"], ["leave no examination to train on"]),
        (["--config", "seed=one"], ["'one'", "integer"]),
        (["--config", "suspects=repair"], ["suspects: repair", "out_of_fold"]),
        (["--config", "model=gone.onnx"], ["gone.onnx", "does not exist"]),
        (["--config", "split=folds", "split_fold=5"], ["split_fold 5", "count from 0"]),
        (["--config", "mask_weight=0"], ["decoder fused", "filled head"]),
        (["--config", "mask_weight=0", "decoder=paired", "strangers=0"], ["gate", "filled head", "gate: false"]),
        (["--config", "suspects=teach", "kind=direct"], ["suspects: teach", "kind: heatmap"]),
        (["--config", "kind=direct"], ["closeup", "kind: heatmap", "closeup: null"]),
        (["--configfile", "direct.yaml"], ["strangers teach", "kind: heatmap", "strangers: 0"]),
        (["--config", "stride=16", "depth=2"], ["stride 16", "stem_stride and depth"]),
        (["--config", "data_root=elsewhere"], ["elsewhere", "does not exist", "data_root"]),
        (["--config", "landmark_table=other.csv"], ["other.csv", "does not exist", "configuration"]),
        (["--config", "pixel_sizes=sizes.csv"], ["sizes.csv", "does not exist"]),
        (["--configfile", "flags.yaml"], ["hc_low_mm", "not below hc_high_mm"]),
        (["--config", "pixel_sizes=12"], ["12 mm", "millimetres"]),
        (["--config", "images=nowhere"], ["nowhere", "does not exist"]),
        (["--config", "split=published", "split_file=split.csv"], ["split.csv", "does not exist"]),
        (["--config", "dataset=images", "images=data/images", "model=table.csv"], ["table.csv", "does not exist"]),
        (["--config", "images=data/images"], ["000_HC.png", "same name", "rename"]),
        (
            ["--config", "examination_pattern=.*_(HC)", "split_seed=9"],
            ["6 labelled images are of one examination, 'HC'", "correct examination_pattern"],
        ),
        (
            ["--config", "test_fraction=0.5", "validation_fraction=0.49", "split_seed=1"],
            ["none of 6 labelled images of 6 examinations to train on", "lower test_fraction"],
        ),
        (["--config", "report_compares=True"], ["report_compares", "none", "ablation"]),
        (
            ["--config", "report_compares=ablation", "model=resources/models/hc18.onnx"],
            ["report_compares", "where a model is given"],
        ),
        (["--configfile", "alone.yaml"], ["ablation", "too short"]),
    ],
)
def test_a_wrong_configuration_is_refused(tiny, arguments, words):
    (tiny.folder / "direct.yaml").write_text("kind: direct\ncloseup: null\n")
    (tiny.folder / "alone.yaml").write_text("ablation: [heatmap]\n")
    (tiny.folder / "flags.yaml").write_text("flags: {hc_low_mm: 500}\n")
    message = refused(tiny, *arguments)
    assert all(word in message for word in words), message


def test_one_image_is_too_little_to_train_on(tiny):
    edit_table(tiny, lambda rows: rows.__delitem__(slice(2, None)))
    done = tiny.snakemake("--configfile", "overlay.yaml", check=False)
    assert done.returncode != 0 and "sound training images; at least 2 are needed" in done.stdout, done.stdout[-3000:]
    assert "Traceback" not in done.stdout


def test_measuring_nothing_is_refused(tiny):
    done = tiny.snakemake("measure", check=False)
    assert done.returncode != 0 and "measure what? Give --config images=FOLDER" in done.stdout
    assert "Traceback" not in done.stdout


def test_an_unknown_key_in_a_file_is_refused(tiny):
    (tiny.folder / "overlay.yaml").write_text(OVERLAY + "flags:\n  angel_deg: 3\n")
    assert "angel_deg" in refused(tiny)


@pytest.mark.parametrize(
    "edit, words",
    [
        (lambda rows: rows[0].__setitem__(3, "x"), ["table.csv", "no column ofd_2_x", "add the column"]),
        (lambda rows: rows[3].__setitem__(2, "nan"), ["table.csv, row 4", "002_HC.png", "ofd_1_y", "correct"]),
        (lambda rows: rows[3].__setitem__(2, "12;5"), ["table.csv, row 4", "002_HC.png", "'12;5'"]),
        (lambda rows: rows[3].__setitem__(1, "900"), ["table.csv, row 4", "far outside", "128x96"]),
        (lambda rows: rows.append(rows[2]), ["table.csv, row 8", "001_HC.png", "row 3 already"]),
        (lambda rows: rows[5].__setitem__(0, "zzz.png"), ["table.csv, row 6", "zzz.png", "does not exist"]),
        (lambda rows: rows[2].pop(), ["table.csv, row 3", "8 cells under 9 columns"]),
    ],
)
def test_a_wrong_table_is_refused(tiny, edit, words):
    edit_table(tiny, edit)
    message = refused(tiny)
    assert all(word in message for word in words), message


@pytest.mark.parametrize(("dataset", "missing"), [("hc18", "other.csv"), ("challenge", "dataset challenge")])
def test_a_model_is_rebuilt_for_the_card_s_images_alone(tiny, dataset, missing):
    """Without the published split the rebuilt model would be judged on others; of other data there is no card."""
    settings = (f"dataset={dataset}", "split=published_if_present", "split_file=other.csv")
    done = tiny.snakemake("rebuild_model", "--configfile", "overlay.yaml", "--config", *settings, check=False)
    assert done.returncode != 0 and "Traceback" not in done.stdout
    assert missing in done.stdout and "leave rebuild_model out" in done.stdout


@pytest.mark.parametrize("content", [b"", b"no image at all", "cut"])
def test_an_unreadable_image_is_refused(tiny, content):
    image = tiny.folder / "data" / "images" / "003_HC.png"
    image.write_bytes(image.read_bytes()[:4000] if content == "cut" else content)
    message = refused(tiny)
    assert "003_HC.png" in message and "replace or remove it" in message


def test_an_examination_on_two_sides_is_refused(tiny):
    names = [f"{number:03}_HC.png" for number in range(6)]
    edit_table(tiny, lambda rows: rows[2].__setitem__(0, "000_2HC.png"))
    images = tiny.folder / "data" / "images"
    (images / "001_HC.png").rename(images / "000_2HC.png")
    names[1] = "000_2HC.png"
    rows = "".join(f"{name},{'test' if name == '000_2HC.png' else 'train'}\n" for name in names)
    (tiny.folder / "data" / "split.csv").write_text("image_name,split\n" + rows)
    message = refused(tiny, "--config", "split=published", "split_file=split.csv")
    assert "examination 000" in message and "one side" in message


def test_a_bad_image_is_put_aside_until_it_is_mended(tiny):
    images = tiny.folder / "data" / "images"
    whole = (images / "003_HC.png").read_bytes()
    (images / "003_HC.png").write_bytes(whole[:4000])
    edit_table(tiny, lambda rows: rows[5].__setitem__(2, "nan"))  # 004_HC.png
    results = tiny.folder / "results" / "bad"
    targets = [f"results/bad/{name}" for name in ("split.csv", "audit.csv", "cache/0.npy", "cache/1.npy")]
    arguments = [*targets, "--configfile", "overlay.yaml", "--config", "on_bad_image=quarantine"]
    done = tiny.snakemake(*arguments)
    assert "2 of 6 images put aside, see results/bad/quarantine.csv" in done.stdout
    with open(results / "quarantine.csv", newline="") as file:
        reasons = {row["image_name"]: row["reason"] for row in csv.DictReader(file)}
    assert set(reasons) == {"003_HC.png", "004_HC.png"}
    assert "cut short" in reasons["003_HC.png"] and "row 6 (004_HC.png): ofd_1_y is 'nan'" in reasons["004_HC.png"]
    for table in ("manifest", "split", "audit"):
        assert not any(name in (results / f"{table}.csv").read_text() for name in reasons)
    assert tiny.planned(*arguments) == {}

    (images / "003_HC.png").write_bytes(whole)
    planned = tiny.planned(*arguments)
    assert planned["build_manifest"] == planned["cache_images"] == 1, "the other shard is as it was"
    tiny.snakemake(*arguments)
    assert "003_HC.png" not in (results / "quarantine.csv").read_text()
    assert "003_HC.png" in (results / "split.csv").read_text()
