"""Adapters: tiny drawn datasets become sources and manifest rows; each fault is named with place and remedy."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fetal_biometry.data.sources import describe_source, examination_of, list_sources, names_swapped
from fetal_biometry.digests import FileIndex
from fetal_biometry.errors import InputError
from fetal_biometry.model.geometry import all_lengths, ellipse_landmarks
from fetal_biometry.model.landmarks import COLUMNS, canonical, swap_names

HEADS = {
    "000_HC.png": ((60, 45), 40, 30, 0.3),
    "000_2HC.png": ((66, 50), 35, 27, -0.4),
    "001_HC.png": ((55, 48), 30, 24, 1.2),
}
SIZE = (120, 100)  # width, height


@pytest.fixture
def settings(tmp_path):
    return {
        "dataset": "hc18",
        "data_root": str(tmp_path),
        "image_folder": "images",
        "landmark_table": "landmarks.csv",
        "pixel_sizes": "",
        "images": "",
        "examination_pattern": "^([^_]+)_",
        "outside_tolerance": 0.1,
        "on_bad_image": "stop",
        "phantom_count": 3,
        "phantom_seed": 20,
        "phantom_bad_labels": 0,
        "reference_folder": "",
    }


@pytest.fixture
def folder(tmp_path):
    """HC18's layout: each image beside its annotation, a filled ellipse."""
    folder = tmp_path / "images"
    folder.mkdir()
    for name, head in HEADS.items():
        save(folder / name, np.full(SIZE[::-1], 30, np.uint8))
        save(folder / name.replace(".png", "_Annotation.png"), fill(*head))
    return folder


def save(path, image):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(image).save(path)


def fill(centre, semi_long, semi_short, angle, size=SIZE):
    y, x = np.mgrid[: size[1], : size[0]]
    u = (x - centre[0]) * np.cos(angle) + (y - centre[1]) * np.sin(angle)
    v = (y - centre[1]) * np.cos(angle) - (x - centre[0]) * np.sin(angle)
    return np.where((u / semi_long) ** 2 + (v / semi_short) ** 2 <= 1, 255, 0).astype(np.uint8)


def write_landmarks(path, points=None):
    """The challenge's table, of HEADS unless told otherwise."""
    points = points or {name: ellipse_landmarks(*head) for name, head in HEADS.items()}
    lines = [",".join(["image_name", *COLUMNS])]
    lines += [",".join([name, *map(str, np.ravel(ends))]) for name, ends in points.items()]
    path.write_text("\n".join(lines) + "\n")


def describe(settings, tmp_path):
    index = FileIndex(tmp_path / "index.json")
    return {s.image_name: describe_source(s, settings, index) for s in list_sources(settings, tmp_path / "phantoms")}


def landmarks_in(row):
    return np.reshape([row[column] for column in COLUMNS], (4, 2))


def refuse(settings, message, tmp_path):
    with pytest.raises(InputError, match=message):
        describe(settings, tmp_path)


def test_hc18_folder(settings, folder, tmp_path):
    save(folder / "002_HC.png", np.zeros(SIZE[::-1], np.uint8))
    (tmp_path / "sizes.csv").write_text(
        "filename,pixel size(mm),head circumference (mm)\n000_HC.png,0.1,22.5\n001_HC.png,0.2,\n"
    )
    rows = describe({**settings, "pixel_sizes": "sizes.csv"}, tmp_path)
    assert set(rows) == {*HEADS, "002_HC.png"}
    for name, head in HEADS.items():
        expected = ellipse_landmarks(*head)
        assert landmarks_in(rows[name]) == pytest.approx(expected, abs=1)
        assert all_lengths(landmarks_in(rows[name])) == pytest.approx(all_lengths(expected), abs=0.6)
        assert (rows[name]["width_px"], rows[name]["height_px"]) == SIZE
    assert rows["002_HC.png"]["label_source"] == "" and rows["002_HC.png"]["ofd_1_x"] is None
    found = [
        (rows[n]["pixel_size_mm"], rows[n]["reference_hc_mm"]) for n in ("000_HC.png", "001_HC.png", "000_2HC.png")
    ]
    assert found == [(0.1, 22.5), (0.2, None), (None, None)]
    assert rows["000_2HC.png"]["examination"] == rows["000_HC.png"]["examination"] == "000"
    assert rows["000_HC.png"]["sha256"] == FileIndex(tmp_path / "other.json").sha256(folder / "000_HC.png")


@pytest.mark.parametrize("dataset", ["hc18", "challenge"])
def test_one_pixel_size_counts_for_every_image(settings, folder, tmp_path, dataset):
    write_landmarks(tmp_path / "landmarks.csv")
    rows = describe({**settings, "dataset": dataset, "pixel_sizes": 0.15}, tmp_path)
    assert {row["pixel_size_mm"] for row in rows.values()} == {0.15}


@pytest.mark.parametrize("swapped", [False, True])
def test_landmark_table(settings, folder, tmp_path, swapped):
    points = {name: ellipse_landmarks(*head) for name, head in HEADS.items()}
    mixed = {name: ends[[1, 0, 2, 3]] for name, ends in points.items()}
    write_landmarks(tmp_path / "landmarks.csv", {n: swap_names(p) for n, p in mixed.items()} if swapped else mixed)
    rows = describe({**settings, "dataset": "challenge"}, tmp_path)
    assert list(rows) == list(HEADS)
    for name, row in rows.items():
        assert landmarks_in(row) == pytest.approx(points[name], abs=1e-9)
        assert ("swapped" in row["label_source"]) == swapped


def test_names_are_swapped_for_the_table_as_a_whole():
    heads = np.array([ellipse_landmarks(*head) for head in HEADS.values()])
    assert not names_swapped(heads)
    assert names_swapped(swap_names(heads))
    assert names_swapped(np.concatenate([swap_names(heads), heads[:1]]))  # one slip in four rows


def test_names_of_the_challenge_table_are_swapped(settings, real_data, tmp_path):
    table = "challenge/role_challenge_dataset_ground_truth.csv"
    sizes = "hc18/training_set_pixel_size_and_HC.csv"
    place = {"data_root": str(real_data), "image_folder": "hc18/training_set", "landmark_table": table}
    sources = list_sources({**settings, **place, "dataset": "challenge", "pixel_sizes": sizes}, tmp_path)
    assert len(sources) == 622
    assert all("swapped" in source.label_source and source.pixel_size_mm for source in sources)


def test_phantoms_are_listed_without_being_drawn(settings, tmp_path):
    sources = list_sources({**settings, "dataset": "phantom"}, tmp_path / "phantoms")
    assert len(sources) == 3
    for source in sources:
        points = np.reshape(source.landmarks, (4, 2))
        assert np.array_equal(points, canonical(points))
        assert source.reference_hc_mm == pytest.approx(all_lengths(points)[2] * source.pixel_size_mm)
        assert source.path == tmp_path / "phantoms" / source.image_name
    index = FileIndex(tmp_path / "index.json")
    assert len({source.image_digest(index) for source in sources}) == 3
    again = list_sources({**settings, "dataset": "phantom"}, tmp_path / "phantoms")
    assert [s.image_digest(index) for s in again] == [s.image_digest(index) for s in sources]


def test_a_folder_of_images_needs_no_label(settings, folder, tmp_path):
    (tmp_path / "sizes.csv").write_text("image_name,pixel_size_mm\n000_HC.png,0.1\n")
    rows = describe({**settings, "dataset": "images", "images": str(folder), "pixel_sizes": "sizes.csv"}, tmp_path)
    assert len(rows) == 2 * len(HEADS)
    assert rows["000_HC.png"]["pixel_size_mm"] == 0.1 and rows["001_HC.png"]["pixel_size_mm"] is None
    assert all(row["label_source"] == "" for row in rows.values())


def test_a_csv_of_images(settings, folder, tmp_path):
    given = tmp_path / "list.csv"
    settings = {**settings, "dataset": "images", "images": str(given), "pixel_sizes": 0.3}
    given.write_text(f"image_name,path,pixel_size_mm\nfirst,images/000_HC.png,0.1\n,{folder / '001_HC.png'},\n")
    rows = describe(settings, tmp_path)
    assert {name: (Path(row["path"]).name, row["pixel_size_mm"]) for name, row in rows.items()} == {
        "first": ("000_HC.png", 0.1),
        "001_HC.png": ("001_HC.png", 0.3),
    }
    given.write_text("filename\nimages/000_2HC.png\n")
    assert len(list_sources(settings, tmp_path)) == 1
    given.write_text("image_name\nimages/gone.png\n")
    refuse(settings, r"list\.csv, row 2 \(images/gone\.png\): .*gone\.png does not exist; correct", tmp_path)
    given.write_text("pixel_size_mm\n0.1\n")
    refuse(settings, r"list\.csv: no column", tmp_path)


def test_a_csv_of_images_may_know_ages_alone(settings, folder, tmp_path):
    given = tmp_path / "list.csv"
    settings = {**settings, "dataset": "images", "images": str(given), "pixel_sizes": 0.3}
    given.write_text("path,gestational_age_weeks\nimages/000_HC.png,20.5\nimages/001_HC.png,\n")
    rows = describe(settings, tmp_path)
    known = {name: (row["pixel_size_mm"], row["gestational_age_weeks"]) for name, row in rows.items()}
    assert known == {"000_HC.png": (0.3, 20.5), "001_HC.png": (0.3, None)}
    given.write_text("path,gestational_age_weeks\nimages/000_HC.png,143\n")
    refuse(settings, r"list\.csv, row 2 .*143 weeks; give .* in weeks", tmp_path)


def test_unlabelled_images_come_beside_a_dataset(settings, folder, tmp_path):
    save(tmp_path / "more" / "9_HC.png", np.zeros((40, 40), np.uint8))
    settings = {**settings, "images": str(tmp_path / "more")}
    rows = describe(settings, tmp_path)
    assert [name for name, row in rows.items() if not row["label_source"]] == ["9_HC.png"]
    shutil.copy(folder / "000_HC.png", tmp_path / "more" / "000_HC.png")
    refuse(settings, r"more/000_HC\.png: another image has the same name \(.*images/000_HC\.png\); rename", tmp_path)


def test_examination_is_the_pattern_s_group_or_the_name():
    assert examination_of("010_2HC.png", "^([^_]+)_") == "010"
    assert examination_of("scan.png", "^([^_]+)_") == "scan.png"
    assert examination_of("scan.png", r"^(?:(\d+)_)?") == "scan.png"


def test_a_label_s_digest_follows_the_label(settings, folder, tmp_path):
    def digests(**changed):
        index = FileIndex(tmp_path / "index.json")
        return {s.image_name: s.label_digest(index) for s in list_sources({**settings, **changed}, tmp_path)}

    before = digests()
    save(folder / "000_HC_Annotation.png", fill((60, 45), 41, 31, 0.3))
    after = digests()
    assert {name for name in HEADS if before[name] != after[name]} == {"000_HC.png"}
    assert all(digests(pixel_sizes=0.1)[name] != after[name] for name in HEADS)
    sizes = "".join(f"{name},0.1,{{hc}}\n" for name in HEADS)
    stated = []
    for hc in (100, 101):  # a stated HC judges, and teaches nothing
        (tmp_path / "sizes.csv").write_text("filename,pixel size(mm),head circumference (mm)\n" + sizes.format(hc=hc))
        stated.append(digests(pixel_sizes="sizes.csv"))
    assert stated[0] == stated[1]


def test_missing_folders_and_tables_are_named(settings, folder, tmp_path):
    for dataset in ("hc18", "challenge"):
        write_landmarks(tmp_path / "landmarks.csv")
        gone = {**settings, "dataset": dataset, "image_folder": "gone"}
        refuse(gone, r"gone: the image folder does not exist; give --config data_root=FOLDER", tmp_path)
    gone = {**settings, "dataset": "challenge", "landmark_table": "gone.csv"}
    refuse(gone, r"gone\.csv: the table does not exist; correct", tmp_path)
    refuse({**settings, "pixel_sizes": "gone.csv"}, r"gone\.csv: the table does not exist; correct", tmp_path)
    refuse(
        {**settings, "dataset": "images", "images": str(tmp_path / "gone")},
        "gone: .* does not exist; correct",
        tmp_path,
    )


def test_an_empty_dataset_is_no_dataset(settings, tmp_path):
    (tmp_path / "images").mkdir()
    refuse(settings, "'hc18' has no image; set images=FOLDER or another dataset", tmp_path)
    refuse({**settings, "dataset": "images"}, "'images' has no image; set images=FOLDER", tmp_path)


@pytest.mark.filterwarnings("error")
def test_a_table_without_rows_is_no_dataset(settings, folder, tmp_path):
    (tmp_path / "landmarks.csv").write_text(",".join(["image_name", *COLUMNS]) + "\n")
    refuse({**settings, "dataset": "challenge"}, "'challenge' has no image", tmp_path)


def test_a_row_whose_image_is_missing_is_named(settings, folder, tmp_path):
    write_landmarks(tmp_path / "landmarks.csv")
    (tmp_path / "sizes.csv").write_text("image_name,pixel_size_mm\n000_HC.png,0.1\n001_HC.png,0.1\n")
    (folder / "001_HC.png").unlink()
    refuse(
        {**settings, "dataset": "challenge"},
        r"landmarks\.csv, row 4 \(001_HC\.png\): .*001_HC\.png does not exist; add the image or remove the row",
        tmp_path,
    )
    refuse(
        {**settings, "pixel_sizes": "sizes.csv"},
        r"sizes\.csv, row 3 \(001_HC\.png\): no such image in .*images \(1 of 2 rows lack theirs\); add",
        tmp_path,
    )


def test_a_landmark_far_outside_is_refused_with_its_row(settings, folder, tmp_path):
    points = {name: ellipse_landmarks(*head) for name, head in HEADS.items()}
    points["000_2HC.png"] = points["000_2HC.png"] + [[0, 0], [SIZE[0] - 60, 0], [0, 0], [0, 0]]
    write_landmarks(tmp_path / "landmarks.csv", points)
    challenge = {**settings, "dataset": "challenge"}
    message = (
        r"landmarks\.csv, row 3 \(000_2HC\.png\): a landmark at \(1\d\d\.\d, .*outside the image of 120x100 .*correct"
    )
    refuse(challenge, message, tmp_path)
    assert (
        len(describe({**challenge, "outside_tolerance": 0.5}, tmp_path)) == 3
    )  # a head cut by the border may reach out


def test_a_bad_coordinate_is_refused_with_its_row(settings, folder, tmp_path):
    write_landmarks(tmp_path / "landmarks.csv", {"000_HC.png": [*range(7), "x"]})
    message = r"landmarks\.csv, row 2 \(000_HC\.png\): bpd_2_y is 'x', not a finite number; correct"
    refuse({**settings, "dataset": "challenge"}, message, tmp_path)


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (fill((60, 45), 40, 30, 0.3, (121, 100)), r"121x100 pixels, but its image .*000_HC\.png has 120x100; give"),
        (np.zeros(SIZE[::-1], np.uint8), r"no ellipse to fit; redraw or remove the annotation"),
    ],
)
def test_a_wrong_annotation_is_refused(settings, folder, tmp_path, annotation, message):
    save(folder / "000_HC_Annotation.png", annotation)
    refuse(settings, r"000_HC_Annotation\.png: .*" + message, tmp_path)


@pytest.mark.parametrize("size", ["125", "0", "-0.1", "nan", "0,1 mm"])
def test_a_pixel_size_in_another_unit_is_refused(settings, folder, tmp_path, size):
    (tmp_path / "sizes.csv").write_text(f'image_name,pixel_size_mm\n000_HC.png,"{size}"\n')
    message = r"sizes\.csv, row 2 \(000_HC\.png\): .*(give millimetres|correct or remove the row)"
    refuse({**settings, "pixel_sizes": "sizes.csv"}, message, tmp_path)


def test_gestational_age_comes_with_the_pixel_size(settings, folder, tmp_path):
    table = tmp_path / "sizes.csv"
    table.write_text("image_name,pixel_size_mm,gestational_age_weeks\n000_HC.png,0.1,20.4\n001_HC.png,0.1,\n")
    rows = describe({**settings, "pixel_sizes": "sizes.csv"}, tmp_path)
    assert [rows[name]["gestational_age_weeks"] for name in ("000_HC.png", "001_HC.png")] == [20.4, None]
    table.write_text("image_name,pixel_size_mm,gestational_age_weeks\n000_HC.png,0.1,143\n")
    refuse({**settings, "pixel_sizes": "sizes.csv"}, r"row 2 \(000_HC\.png\): .*143 weeks; give .* in weeks", tmp_path)


def test_an_unreadable_image_is_named(settings, folder, tmp_path):
    (folder / "001_HC.png").write_bytes(b"no image")
    refuse(settings, r"001_HC\.png: not a readable image .*; replace or remove it", tmp_path)
