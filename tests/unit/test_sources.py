"""Datasets as they lie in folders become a table of images; each fault is named with its place and a remedy."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from joined import ALL_TRAIN, join
from PIL import Image
from test_dicom import write

from fetal_biometry.configuration import Config
from fetal_biometry.data.label_table import names_swapped, swap_names
from fetal_biometry.data.source import examination_of
from fetal_biometry.data.sources import list_sources
from fetal_biometry.digests import FileIndex
from fetal_biometry.errors import InputError
from fetal_biometry.frames import points_of
from fetal_biometry.images.image_ref import ImageRef
from fetal_biometry.model.geometry import all_lengths, ellipse_landmarks
from fetal_biometry.terms import COLUMNS, REFERENCE_COLUMNS

HEADS = {
    "000_HC.png": ((60, 45), 40, 30, 0.3),
    "000_2HC.png": ((66, 50), 35, 27, -0.4),
    "001_HC.png": ((55, 48), 30, 24, 1.2),
}
SIZE = (120, 100)  # width, height


@pytest.fixture
def config(tmp_path):
    """Makes a configuration of a dataset, hc18 unless told otherwise."""
    place = {"data_root": str(tmp_path), "image_folder": "images", "landmark_table": "landmarks.csv"}
    return lambda **values: Config(**{"dataset": "hc18", **place, **ALL_TRAIN, **values})


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


def fill(centre, semi_long, semi_short, angle):
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    u = (x - centre[0]) * np.cos(angle) + (y - centre[1]) * np.sin(angle)
    v = (y - centre[1]) * np.cos(angle) - (x - centre[0]) * np.sin(angle)
    return np.where((u / semi_long) ** 2 + (v / semi_short) ** 2 <= 1, 255, 0).astype(np.uint8)


def write_landmarks(path, points=None):
    """The challenge's table, of HEADS unless told otherwise."""
    points = points or {name: ellipse_landmarks(*head) for name, head in HEADS.items()}
    lines = [",".join(["image_name", *COLUMNS])]
    lines += [",".join([name, *map(str, np.ravel(ends))]) for name, ends in points.items()]
    path.write_text("\n".join(lines) + "\n")


def describe(config, tmp_path):
    """Rows of images.csv by name."""
    return join(config, tmp_path / "work")[0].to_dict("index")


def landmarks_in(row, columns=COLUMNS):
    return np.reshape([row[column] for column in columns], (4, 2))


def refuse(config, message, tmp_path):
    with pytest.raises(InputError, match=message):
        join(config, tmp_path / "work")


def test_an_annotated_folder(config, folder, tmp_path):
    save(folder / "002_HC.png", np.zeros(SIZE[::-1], np.uint8))
    (tmp_path / "sizes.csv").write_text(
        "filename,pixel size(mm),head circumference (mm)\n000_HC.png,0.1,22.5\n001_HC.png,0.2,\n"
    )
    rows = describe(config(pixel_sizes="sizes.csv"), tmp_path)
    assert list(rows) == sorted([*HEADS, "002_HC.png"])
    for name, head in HEADS.items():
        expected = ellipse_landmarks(*head)
        assert landmarks_in(rows[name]) == pytest.approx(expected, abs=1)
        assert all_lengths(landmarks_in(rows[name])) == pytest.approx(all_lengths(expected), abs=0.6)
        assert (rows[name]["width_px"], rows[name]["height_px"]) == SIZE
        assert rows[name]["split"] == "train" and rows[name]["fold"] in range(4)
    bare = rows["002_HC.png"]
    assert bare["label_source"] == bare["split"] == "" and np.isnan([bare["ofd_1_x"], bare["fold"]]).all()
    found = [[rows[name][fact] for fact in ("pixel_size_mm", "reference_hc_mm")] for name in rows]
    expected = {"000_HC.png": [0.1, 22.5], "001_HC.png": [0.2, np.nan]}
    np.testing.assert_array_equal(found, [expected.get(name, [np.nan, np.nan]) for name in rows])
    assert rows["000_2HC.png"]["examination"] == rows["000_HC.png"]["examination"] == "000"
    assert rows["000_HC.png"]["sha256"] == FileIndex(tmp_path / "other.json").sha256(folder / "000_HC.png")


@pytest.mark.parametrize("dataset", ["hc18", "challenge"])
def test_one_pixel_size_counts_for_every_image(config, folder, tmp_path, dataset):
    write_landmarks(tmp_path / "landmarks.csv")
    rows = describe(config(dataset=dataset, pixel_sizes=0.15), tmp_path)
    assert {row["pixel_size_mm"] for row in rows.values()} == {0.15}


@pytest.mark.parametrize("swapped", [False, True])
def test_a_landmark_table(config, folder, tmp_path, swapped):
    points = {name: ellipse_landmarks(*head) for name, head in HEADS.items()}
    order = [2, 3, 1, 0] if swapped else [1, 0, 2, 3]  # names, and the ends of one diameter
    write_landmarks(tmp_path / "landmarks.csv", {name: ends[order] for name, ends in points.items()})
    rows = describe(config(dataset="challenge", reference_folder="images"), tmp_path)
    assert set(rows) == set(HEADS)
    for name, row in rows.items():
        assert landmarks_in(row) == pytest.approx(points[name], abs=1e-9)
        assert landmarks_in(row, REFERENCE_COLUMNS) == pytest.approx(points[name], abs=1)
        assert ("swapped" in row["label_source"]) == swapped


def test_a_landmark_table_names_frames_and_images_in_subfolders(config, folder, tmp_path):
    """As corrections.csv does. Frames of a file belong to one examination."""
    points = [ellipse_landmarks(*head) for head in HEADS.values()]
    write(folder / "cine.dcm", np.stack([np.full(SIZE[::-1], grey, np.uint8) for grey in (10, 20, 30)]))
    save(folder / "sub" / "a.png", np.full(SIZE[::-1], 40, np.uint8))
    truth = dict(zip(["cine.dcm#3", "cine.dcm#2", "sub/a.png"], points, strict=True))
    write_landmarks(tmp_path / "landmarks.csv", truth)
    (tmp_path / "sizes.csv").write_text("image_name,pixel_size_mm\ncine.dcm,0.2\n")
    rows = describe(config(dataset="challenge", pixel_sizes="sizes.csv"), tmp_path)
    found = {name: Path(str(ImageRef.from_row(row))).name for name, row in rows.items()}
    assert found == {"cine.dcm#3": "cine.dcm#3", "cine.dcm#2": "cine.dcm#2", "sub/a.png": "a.png"}
    for name, ends in truth.items():
        assert landmarks_in(rows[name]) == pytest.approx(ends, abs=1e-9)
    assert rows["cine.dcm#2"]["pixel_size_mm"] == 0.2
    assert rows["cine.dcm#2"]["examination"] == rows["cine.dcm#3"]["examination"] == "cine.dcm"


@pytest.mark.parametrize(
    "name, problem",
    [
        ("cine.dcm#4", r"#4 is none of its 3 frames or pages; give #1 to #3"),
        ("cine.dcm", r"3 pictures in one file; .* cine\.dcm#1"),
        ("gone.dcm#1", "gone.dcm#1 does not exist; add the image or remove the row"),
        ("sub/gone.png", "sub/gone.png does not exist; add the image or remove the row"),
        ("sub/../../images/000_HC.png", "does not exist; add the image or remove the row"),
    ],
)
def test_a_label_without_its_frame_or_image_is_refused(name, problem, config, folder, tmp_path):
    write(folder / "cine.dcm", np.full((3, *SIZE[::-1]), 30, np.uint8))
    (folder / "sub").mkdir()
    write_landmarks(tmp_path / "landmarks.csv", {name: ellipse_landmarks(*HEADS["000_HC.png"])})
    refuse(config(dataset="challenge"), problem, tmp_path)


def test_names_are_swapped_for_the_table_as_a_whole():
    heads = [tuple(ellipse_landmarks(*head).ravel()) for head in HEADS.values()]
    swapped = [swap_names(head) for head in heads]
    assert not names_swapped(heads) and not names_swapped([])
    assert names_swapped(swapped)
    assert names_swapped([*swapped, heads[0]])  # one slip in four rows


def test_names_of_the_challenge_table_are_swapped(real_data, tmp_path):
    table = "challenge/role_challenge_dataset_ground_truth.csv"
    sizes = "hc18/training_set_pixel_size_and_HC.csv"
    place = {"data_root": str(real_data), "image_folder": "hc18/training_set", "landmark_table": table}
    sources = list_sources(Config(**place, dataset="challenge", pixel_sizes=sizes), tmp_path)
    assert len(sources) == 622
    assert all("swapped" in source.label_source and source.pixel_size_mm for source in sources)


@pytest.mark.parametrize("share", [0, 0.28])
def test_phantoms_are_listed_without_being_drawn(tmp_path, share):
    config, index = Config(dataset="phantom", phantom_count=6, phantom_bad_labels=share), FileIndex(tmp_path / "index")
    sources = list_sources(config, tmp_path / "phantoms")
    assert len(sources) == len({source.sha256(index) for source in sources}) == 6
    for source in sources:
        truth = np.reshape(source.reference or source.landmarks, (4, 2))
        assert source.reference_hc_mm == pytest.approx(all_lengths(truth)[2] * source.pixel_size_mm)
        assert source.image.path == tmp_path / "phantoms" / source.image_name
    moved = [source.reference and max(np.abs(np.subtract(source.landmarks, source.reference))) for source in sources]
    assert sum(bool(far) and far > 1 for far in moved) == round(share * 6)
    again = list_sources(config, tmp_path / "phantoms")
    assert [source.sha256(index) for source in again] == [source.sha256(index) for source in sources]


def test_a_folder_of_images_needs_no_label(config, folder, tmp_path):
    (tmp_path / "sizes.csv").write_text("image_name,pixel_size_mm\n000_HC.png,0.1\n")
    rows = describe(config(dataset="images", images=str(folder), pixel_sizes="sizes.csv"), tmp_path)
    assert len(rows) == 2 * len(HEADS)
    assert rows["000_HC.png"]["pixel_size_mm"] == 0.1 and np.isnan(rows["001_HC.png"]["pixel_size_mm"])
    assert all(row["label_source"] == row["split"] == "" for row in rows.values())


def test_one_image_file_is_a_folder_s_worth(config, folder, tmp_path):
    rows = describe(config(dataset="images", images=str(folder / "000_HC.png")), tmp_path)
    assert list(rows) == ["000_HC.png"]


def test_a_csv_of_images(config, folder, tmp_path):
    given = tmp_path / "list.csv"
    settings = config(dataset="images", images=str(given), pixel_sizes=0.3)
    given.write_text(
        "image_name,path,pixel_size_mm,gestational_age_weeks\n"
        f"first,images/000_HC.png,0.1,20.5\n,{folder / '001_HC.png'},,\n"
    )
    rows = describe(settings, tmp_path)
    found = {name: (Path(row["path"]).name, row["pixel_size_mm"]) for name, row in rows.items()}
    assert found == {"first": ("000_HC.png", 0.1), "001_HC.png": ("001_HC.png", 0.3)}
    assert rows["first"]["gestational_age_weeks"] == 20.5 and np.isnan(rows["001_HC.png"]["gestational_age_weeks"])
    given.write_text("filename\nimages/000_2HC.png\n")
    assert len(list_sources(settings, tmp_path)) == 1
    given.write_text("image_name\nimages/gone.png\n")
    refuse(settings, r"list\.csv, row 2 \(images/gone\.png\): .*gone\.png does not exist; correct", tmp_path)
    given.write_text("pixel_size_mm\n0.1\n")
    refuse(settings, r"list\.csv: no column", tmp_path)


def test_unlabelled_images_come_beside_a_dataset(config, folder, tmp_path):
    save(tmp_path / "more" / "9_HC.png", np.zeros((40, 40), np.uint8))
    settings = config(images=str(tmp_path / "more"))
    rows = describe(settings, tmp_path)
    assert [name for name, row in rows.items() if not row["label_source"]] == ["9_HC.png"]
    shutil.copy(folder / "000_HC.png", tmp_path / "more" / "000_HC.png")
    refuse(settings, r"more/000_HC\.png: another image has the same name \(.*images/000_HC\.png\); rename", tmp_path)


def test_examination_is_the_pattern_s_group_or_the_name():
    assert examination_of("010_2HC.png", "^([^_]+)_") == "010"
    assert examination_of("scan.png", "^([^_]+)_") == "scan.png"
    assert examination_of("scan.png", r"^(?:(\d+)_)?") == "scan.png"


def test_a_landmark_far_outside_is_refused_unless_that_is_allowed(config, folder, tmp_path):
    points = {name: ellipse_landmarks(*head) for name, head in HEADS.items()}
    points["000_2HC.png"] = points["000_2HC.png"] + [[0, 0], [SIZE[0] - 60, 0], [0, 0], [0, 0]]
    write_landmarks(tmp_path / "landmarks.csv", points)
    message = r"landmarks\.csv \(000_2HC\.png\): a landmark at \(1\d\d\.\d, .*outside the image of 120x100 .*correct"
    refuse(config(dataset="challenge"), message, tmp_path)
    tolerant = config(dataset="challenge", outside_tolerance=0.5)  # a head cut by the border may reach out
    assert len(describe(tolerant, tmp_path)) == 3


def test_an_image_whose_label_is_refused_is_measured_like_any_without_one(config, folder, tmp_path):
    save(folder / "001_HC_Annotation.png", np.zeros(SIZE[::-1], np.uint8))
    images, quarantine = join(config(on_bad_image="quarantine"), tmp_path / "work")
    assert set(images.index) == set(HEADS)
    assert images.loc["001_HC.png", "split"] == images.loc["001_HC.png", "label_source"] == ""
    assert np.isnan(images.loc["001_HC.png", "fold"]) and np.isnan(points_of(images.loc[["001_HC.png"]])).all()
    assert list(quarantine["image_name"]) == ["001_HC.png"] and "_Annotation" in quarantine["path"].item()
