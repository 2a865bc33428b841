"""Images of other hospitals: which are listed, in the plan, and what is measured of them."""

import numpy as np
import pandas as pd
import pytest
from joined import ALL_TRAIN, write
from PIL import Image
from test_flags import LIMITS
from test_head_presence import tables

from fetal_biometry.configuration import Config
from fetal_biometry.data.planes import list_planes
from fetal_biometry.data.source import MissingData
from fetal_biometry.errors import InputError
from fetal_biometry.frames import read_frame
from fetal_biometry.measure.elsewhere import measure_planes
from fetal_biometry.measure.learn_presence import calibrations_by_centre
from fetal_biometry.terms import COLUMNS

HEADER = ["image_name", "plane", "centre", "patient", "duplicate_of", "mask", "note", *COLUMNS]


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "external"
    (place / "images").mkdir(parents=True)
    return place


def write_index(folder, *rows, header=HEADER):
    for name in (row[0] for row in rows):
        if not (folder / "images" / name).exists():
            Image.fromarray(np.full((40, 60), 7, np.uint8)).save(folder / "images" / name)
    lines = [",".join(header), *(",".join([*row, *[""] * (len(header) - len(row))]) for row in rows)]
    (folder / "index.csv").write_text("\n".join(lines) + "\n")


def listed(folder, *more):
    return list_planes(Config(data_root=str(folder.parent), planes=[folder.name, *more]))


def test_repeated_and_doubtful_images_are_left_out(folder):
    write_index(
        folder, ("a.png", "head", "Egypt", "1"), ("b.png", "abdomen", "Egypt", "1", "a.png"),
        ("c.png", "other", "Egypt", "2", "", "", "HEAD visible: do not count as a non-head"),
        ("d.png", "other", "Egypt", "2", "", "", "unclear: ambiguous"), ("e.png", "femur", "Malawi", "1"),
    )  # fmt: skip
    assert [(one.image_name, one.plane, one.patient) for one in listed(folder)] == [
        ("a.png", "head", "Egypt 1"), ("e.png", "femur", "Malawi 1"),
    ]  # fmt: skip


def test_references_are_masks_and_landmarks_unless_the_note_excludes_them(folder):
    points = [str(number) for number in range(8)]
    write_index(
        folder, ("a.png", "head", "", "", "", "a_mask.png", "", *points),
        ("b.png", "head", "", "", "", "", "EXCLUDE: landmark row broken", *points),
    )  # fmt: skip
    first, second = listed(folder)
    assert first.references == {"mask": folder / "masks" / "a_mask.png", "landmarks": tuple(map(float, points))}
    assert second.references == {} and first.centre == "external" and first.patient == "external a.png"


def test_known_cut_heads_are_not_whole(folder):
    write_index(folder, ("patient002_EGY_plane1.png", "head"), ("patient005_EGY_plane1.png", "head"))
    assert [one.whole for one in listed(folder)] == [False, True]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("a.png", "liver")], ["index.csv, row 2", "liver", "head, abdomen, femur, thorax, other"]),
        ([("a.png", "head"), ("a.png", "head")], ["a.png", "same name"]),
    ],
)
def test_a_bad_row_is_named(folder, rows, words):
    write_index(folder, *rows)
    with pytest.raises(InputError) as refused:
        listed(folder)
    assert all(word in str(refused.value) for word in words)


def test_a_missing_image_and_a_missing_folder_are_named(folder):
    write_index(folder, ("a.png", "head"))
    (folder / "images" / "a.png").unlink()
    with pytest.raises(InputError, match=r"row 2 \(a.png\): .*a.png does not exist"):
        listed(folder)
    write_index(folder, ("a.png", "head"))
    with pytest.raises(MissingData, match="elsewhere: there are no planes"):
        listed(folder, "elsewhere")


def test_the_plan_lists_planes_apart_from_the_images_that_are_measured(folder, tmp_path):
    write_index(folder, ("a.png", "head", "Egypt", "1", "", "", "", *map(str, range(8))), ("b.png", "femur", "Egypt"))
    Image.fromarray(np.full((40, 60), 7, np.uint8)).save(tmp_path / "one.png")
    config = Config(images=str(tmp_path / "one.png"), data_root=str(tmp_path), planes=["external"], **ALL_TRAIN)
    plan = write(config, tmp_path / "work")
    assert plan.planes == ["Egypt"] and all(part.startswith("images/") for part in plan.parts)
    known = read_frame(tmp_path / "work" / "plan" / "planes.known.csv")
    assert known[["plane", "centre", "whole"]].to_numpy().tolist() == [["head", "Egypt", 1], ["femur", "Egypt", 1]]
    references = read_frame(tmp_path / "work" / "plan" / "planes.references.csv")
    assert references["label_source"].tolist() == ["landmarks"] and references[COLUMNS[7]].tolist() == [7]
    assert not write(config.model_copy(update={"planes": []}), tmp_path / "work").planes
    assert not (tmp_path / "work" / "plan" / "planes.csv").exists()


@pytest.mark.slow
def test_each_centre_is_judged_by_a_classifier_of_the_others():
    """Heads of one centre look like others' abdomens: only a classifier that saw that centre would know them."""
    home = tables(60, 1)
    home.index = home["image_name"] = [f"{number:03}_HC.png" for number in range(60)]
    folds = pd.Series(np.arange(60) % 4, home.index)
    heads, abdomens = tables(20, 5, 30), tables(30, 2, 30)
    heads.index = heads["image_name"] = [f"head{number}.png" for number in range(20)]
    abdomens.index = abdomens["image_name"] = [f"abdomen{number}.png" for number in range(30)]
    others = pd.concat([heads, abdomens])
    planes = pd.DataFrame({"plane": ["head"] * 20 + ["abdomen"] * 30, "centre": ["Egypt"] * 20 + ["Malawi"] * 30})
    planes.index = planes["image_name"] = list(others.index)
    facts = planes.assign(whole=1, path=planes.index, frame="", width_px=800, height_px=540, calibrated_regions="")
    drawn = tables(40, 7, 30)
    calibrations = calibrations_by_centre(
        {"level": 0.9} | UNCALIBRATED, home, folds, pd.concat([others, drawn]), planes
    )
    references = heads[list(COLUMNS)].iloc[:3].assign(label_source="mask")
    found = measure_planes(others, facts, calibrations, references, LIMITS).set_index("image_name")
    assert set(calibrations) == {"Egypt", "Malawi"} and calibrations["Egypt"] != calibrations["Malawi"]
    egypt = found[found["centre"] == "Egypt"]
    assert (egypt["presence"] == "no head").all() and egypt["hc_px"].isna().all() and egypt["is_head"].all()
    assert found["reference_kind"].tolist().count("mask") == 3 and found["reference_bpd_px"].notna().sum() == 3


UNCALIBRATED = {"centre": [0.0] * 5, "spread": [1.0] * 5} | {
    length: {"slopes": [0.0] * 5, "quantiles": {}} for length in ("bpd", "ofd", "hc")
}
