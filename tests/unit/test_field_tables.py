"""Labels, tables, names and values as people write them: the right value, or a refusal that names file and remedy.

Each kind has a generator of at least six variants of clean twins that are drawn here. There is no third outcome.
"""

import csv
import json
import subprocess
import sys
import unicodedata
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import cv2
import numpy as np
import pytest
from joined import ALL_TRAIN, join
from openpyxl import Workbook
from PIL import Image

from fetal_biometry.configuration import Config, read_config
from fetal_biometry.data.phantom import draw_phantom, plan_phantoms, true_landmarks
from fetal_biometry.data.sources import list_sources
from fetal_biometry.errors import InputError
from fetal_biometry.frames import points_of
from fetal_biometry.model.geometry import all_lengths, resize_points
from fetal_biometry.run_inputs import FILE, describe_inputs, refuse_other_inputs
from fetal_biometry.terms import COLUMNS, LANDMARKS

HEADS = 12
CLOSE = 0.02  # of the length, as what must hold says
SIZE = (800, 540)
STORED = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
          5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
          8: Image.Transpose.ROTATE_270}  # fmt: skip


class Scans:
    """Drawn heads that lie far from where their mirror images would, as files and as true landmarks by name."""

    def __init__(self, folder: Path):
        plans = [plan for plan in plan_phantoms(80, seed=3) if plan.width_px == SIZE[0]]
        points = true_landmarks(plans)
        middle = points.mean(axis=1) - (np.array(SIZE) - 1) / 2
        chosen = np.argsort(-np.abs(middle).min(axis=1))[:HEADS]
        self.folder = folder
        self.truth = {f"{at:03}_HC.png": points[plan] for at, plan in enumerate(chosen)}
        self.pixel_sizes = {name: plans[plan].pixel_size_mm for name, plan in zip(self.truth, chosen, strict=True)}
        self.images = {name: draw_phantom(plans[plan]) for name, plan in zip(self.truth, chosen, strict=True)}
        for name, image in self.images.items():
            cv2.imwrite(str(folder / name), image)


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    return Scans(tmp_path_factory.mktemp("scans"))


def write_table(path: Path, labels: dict[str, np.ndarray], more: dict | None = None) -> Path:
    """A landmark table of labels (4, 2) by image name, with columns beside that hold the same in every row."""
    more = more or {}
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = [[*more.values(), name, *np.ravel(points).round(4)] for name, points in labels.items()]
        csv.writer(file).writerows([[*more, "image_name", *COLUMNS], *rows])
    return path


def labelled(folder: Path, table: Path, **settings) -> Config:
    values = {"dataset": "challenge", "data_root": "/", "image_folder": str(folder), "landmark_table": str(table)}
    return Config(**values | ALL_TRAIN | settings)


def outcome(config: Config, truth: dict[str, np.ndarray], work: Path, *names: str) -> str:
    """Right, where every label is within `CLOSE` of its twin; refused, where file and remedy are named."""
    try:
        images, _ = join(config, work)
    except InputError as error:
        assert all(name in str(error) for name in names) and "; " in str(error), error
        return "refused"
    assert set(images.index[images["label_source"] != ""]) == set(truth)
    found, expected = points_of(images.loc[list(truth)]), np.stack(list(truth.values()))
    expected_lengths = all_lengths(expected)
    np.testing.assert_allclose(all_lengths(found), expected_lengths, rtol=CLOSE)
    off = np.linalg.norm(found - expected, axis=2).max(axis=1)
    assert (off < CLOSE * expected_lengths[:, 1]).all(), off
    return "right"


# ---- labels of other pictures

RIGHT, BOTTOM = SIZE[0] - 1, SIZE[1] - 1
OTHER_PICTURES = {
    "of a copy of 256x256": (lambda points, mm: resize_points(points, SIZE, (256, 256)), "label_size="),
    "of a copy of 224x224": (lambda points, mm: resize_points(points, SIZE, (224, 224)), "label_size="),
    "of a copy of 384x384": (lambda points, mm: resize_points(points, SIZE, (384, 384)), "label_size="),
    "of a copy of 512x512": (lambda points, mm: resize_points(points, SIZE, (512, 512)), "label_size="),
    "of a copy of 640x640": (lambda points, mm: resize_points(points, SIZE, (640, 640)), "resized"),
    "of a larger original": (lambda points, mm: resize_points(points, SIZE, (1600, 1080)), "resized"),
    "as shares": (lambda points, mm: (points + 0.5) / SIZE, "label_size=1x1"),
    "in percent": (lambda points, mm: 100 * (points + 0.5) / SIZE, "100x100"),
    "in millimetres": (lambda points, mm: points * mm, "pixel size"),
    "mirrored": (lambda points, mm: points * [-1, 1] + [RIGHT, 0], "mirrored left to right"),
    "upside down": (lambda points, mm: points * [1, -1] + [0, BOTTOM], "upside down"),
    "turned by 180 degrees": (lambda points, mm: [RIGHT, BOTTOM] - points, "180 degrees"),
    "of a copy 512 wide": (lambda points, mm: resize_points(points, SIZE, (512, 346)), "longer side resized to 512"),
    "of a copy in 512x512": (
        lambda points, mm: resize_points(points, SIZE, (512, 346)) + [0, 83],
        "middle of 512x512",
    ),
}


@pytest.mark.parametrize("kind", OTHER_PICTURES)
def test_labels_of_another_picture_are_refused_with_the_evidence(kind, scans, tmp_path):
    move, words = OTHER_PICTURES[kind]
    labels = {name: move(points, scans.pixel_sizes[name]) for name, points in scans.truth.items()}
    config = labelled(scans.folder, write_table(tmp_path / "labels.csv", labels), pixel_sizes=_mean(scans))
    assert outcome(config, scans.truth, tmp_path / "work", "labels.csv", words) == "refused"


def other_rows(labels):
    return dict(zip(labels, [*list(labels.values())[1:], next(iter(labels.values()))], strict=True))


def half_of_copies(labels):
    small = {name: resize_points(points, SIZE, (256, 256)) for name, points in labels.items()}
    return {name: (small if at % 2 else labels)[name] for at, name in enumerate(labels)}


def of_long_copies(labels):
    return {name: resize_points(points, SIZE, (256, 173)) for name, points in labels.items()}


WRONG_TABLES = {
    "a row down": (other_rows, "", "Rows"),
    "half of them of copies": (half_of_copies, "", "256x256"),
    "stretched though their proportions were kept": (of_long_copies, "256x256", "proportions"),
}


@pytest.mark.parametrize("kind", WRONG_TABLES)
def test_a_table_that_is_wrong_in_many_rows_is_refused(kind, scans, tmp_path):
    change, size, words = WRONG_TABLES[kind]
    table = write_table(tmp_path / "labels.csv", change(scans.truth))
    config = labelled(scans.folder, table, label_size=size)
    assert outcome(config, scans.truth, tmp_path / "work", "labels.csv", words) == "refused"


def _mean(scans) -> float:
    return float(np.mean(list(scans.pixel_sizes.values())))


@pytest.mark.parametrize("size", ["256x256", "224x224", "512x512", "640x480", "1x1", "100x100"])
def test_labels_of_a_stated_size_are_brought_back(size, scans, tmp_path):
    sides = np.array(size.split("x"), dtype=int)
    edge = 0.5 if sides.max() > 100 else 0
    labels = {name: (points + 0.5) * sides / SIZE - edge for name, points in scans.truth.items()}
    config = labelled(scans.folder, write_table(tmp_path / "labels.csv", labels), label_size=size)
    assert outcome(config, scans.truth, tmp_path / "work") == "right"


@pytest.mark.parametrize("turned", STORED)
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_labels_on_what_viewers_show_fit_turned_files(turned, suffix, scans, tmp_path):
    truth = {name.replace(".png", suffix): points for name, points in scans.truth.items()}
    exif = Image.Exif()
    exif[274] = turned
    for name, image in zip(truth, scans.images.values(), strict=True):
        Image.fromarray(image).transpose(STORED[turned]).save(tmp_path / name, exif=exif)
    config = labelled(tmp_path, write_table(tmp_path / "labels.csv", truth))
    assert outcome(config, truth, tmp_path / "work") == "right"


CLEAN = {
    "as it is": {},
    "one label": {"count": 1},
    "four labels": {"count": 4},
    "names swapped": {"order": [2, 3, 0, 1]},
    "ends in another order": {"order": [1, 0, 3, 2]},
    "with a stated original size": {"settings": {"label_size": "800x540"}},
    "with other columns": {"more": {"index": 7, "scale": 1.0, "px_to_mm_rate": 0.1, "Split": "Train"}},
    "half of it careless": {"careless": 6},
}


@pytest.mark.parametrize("kind", CLEAN)
def test_clean_tables_pass(kind, scans, tmp_path):
    facts = {"count": HEADS, "order": [0, 1, 2, 3], "settings": {}, "more": {}, "careless": 0} | CLEAN[kind]
    names = list(scans.truth)[: facts["count"]]
    truth = {name: scans.truth[name] for name in names}
    moved = {name: truth[name] + np.array([1.5, -1.5]) * (at < facts["careless"]) for at, name in enumerate(names)}
    table = {name: points[facts["order"]] for name, points in moved.items()}
    config = labelled(scans.folder, write_table(tmp_path / "t.csv", table, facts["more"]), **facts["settings"])
    assert outcome(config, truth, tmp_path / "work") == "right"


# ---- masks of classes

MASKS = {
    "skull 1, inside 2": (1, 2),
    "skull 2, inside 1": (2, 1),
    "skull 255, inside 127": (255, 127),
    "skull 85, inside 170": (85, 170),
    "one class": (3, 3),
    "black on white": "inverted",
    "the head and another organ": "organ",
}


@pytest.mark.parametrize("kind", MASKS)
def test_a_mask_of_classes_is_read_as_their_union_or_refused(kind, scans, tmp_path):
    classes = MASKS[kind]
    skull, inside = classes if isinstance(classes, tuple) else (1, 2)
    truth = dict(list(scans.truth.items())[:4])
    for name, points in truth.items():
        mask = np.zeros(SIZE[::-1], np.uint8)
        centre, along, across = points.mean(axis=0), points[1] - points[0], points[3] - points[2]
        axes = np.linalg.norm(along), np.linalg.norm(across)
        angle = np.rad2deg(np.arctan2(along[1], along[0]))
        for level, share in ((skull, 1.0), (inside, 0.9)):
            cv2.ellipse(mask, (tuple(centre), (share * axes[0], share * axes[1]), angle), level, -1)
        if classes == "organ":
            cv2.circle(mask, (40, 500), 25, 3, -1)
        cv2.imwrite(
            str(tmp_path / name.replace(".png", "_Annotation.png")), 255 - mask if classes == "inverted" else mask
        )
        (tmp_path / name).write_bytes((scans.folder / name).read_bytes())
    config = Config(dataset="hc18", data_root=str(tmp_path), **ALL_TRAIN)
    expected = "refused" if classes == "organ" else "right"
    assert outcome(config, truth, tmp_path / "work", "_Annotation.png", "1, 2, 3") == expected


# ---- other people's annotation files

VIA_PARTS = ("shape_attributes", "region_attributes")


def coco(labels, names, size=SIZE):
    images = [
        {"id": at, "file_name": f"scans/{name}", "width": size[0], "height": size[1]} for at, name in enumerate(labels)
    ]
    heads = [
        {"id": 7, "image_id": at, "category_id": 3, "keypoints": [n for x, y in ends.tolist() for n in (x, y, 2)]}
        for at, ends in enumerate(labels.values())
    ]
    return json.dumps(
        {"images": images, "categories": [{"id": 3, "name": "head", "keypoints": names}], "annotations": heads}
    )


def _via_regions(ends, names):
    shapes = [{"name": "point", "cx": x, "cy": y} for x, y in ends.tolist()]
    called = [{"landmark": name, "quality": "good"} for name in names]
    return [dict(zip(VIA_PARTS, region, strict=True)) for region in zip(shapes, called, strict=True)]


def via_json(labels, names):
    images = {
        name: {"filename": name, "size": 9, "regions": _via_regions(ends, names)} for name, ends in labels.items()
    }
    return json.dumps({f"{name}9": image for name, image in images.items()})


def via_project(labels, names):
    return json.dumps({"_via_settings": {}, "_via_img_metadata": json.loads(via_json(labels, names))})


def via_csv(labels, names):
    lines = ["#filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"]
    for name, ends in labels.items():
        for at, region in enumerate(_via_regions(ends, names)):
            shape, attributes = (json.dumps(part).replace('"', '""') for part in region.values())
            lines.append(f'{name},123,"{{}}",4,{at},"{shape}","{attributes}"')
    return "\n".join(lines) + "\n"


def labelme(labels, names, size=SIZE):
    points = {
        image: [{"label": name, "points": [end], "shape_type": "point"} for name, end in zip(names, ends, strict=True)]
        for image, ends in ((image, ends.tolist()) for image, ends in labels.items())
    }
    return _labelme_files(points, size)


def labelme_lines(labels, names):
    lines = {
        image: [{"label": "OFD", "points": ends[:2], "shape_type": "line"}, {"label": "BPD", "points": ends[2:]}]
        for image, ends in ((image, ends.tolist()) for image, ends in labels.items())
    }
    return _labelme_files(lines, SIZE)


def _labelme_files(shapes, size):
    sides = {"imageWidth": size[0], "imageHeight": size[1]}
    contents = {image: {"shapes": shapes[image], "imagePath": f"..\\scans\\{image}"} | sides for image in shapes}
    return {image.replace(".png", ".json"): json.dumps(content) for image, content in contents.items()}


def cvat(labels, names, size=SIZE, skeleton=False):
    root = ElementTree.Element("annotations")
    for at, (name, ends) in enumerate(labels.items()):
        image = ElementTree.SubElement(
            root, "image", id=str(at), name=f"scans/{name}", width=str(size[0]), height=str(size[1])
        )
        parent = ElementTree.SubElement(image, "skeleton", label="head") if skeleton else image
        for label, (x, y) in zip(names, ends.tolist(), strict=True):
            ElementTree.SubElement(parent, "points", label=label, points=f"{x},{y}", outside="0")
    return ElementTree.tostring(root, encoding="unicode")


SMALL = (256, 256)
FOREIGN = {
    "coco": ("coco", "labels.json", coco),
    "coco of copies": ("coco", "labels.json", lambda labels, names: coco(_small(labels), names, SMALL)),
    "via csv": ("via", "labels.csv", via_csv),
    "via json": ("via", "labels.json", via_json),
    "via project": ("via", "labels.json", via_project),
    "labelme": ("labelme", "labels", labelme),
    "labelme of copies": ("labelme", "labels", lambda labels, names: labelme(_small(labels), names, SMALL)),
    "labelme lines": ("labelme", "labels", labelme_lines),
    "cvat points": ("cvat", "labels.xml", cvat),
    "cvat skeletons": ("cvat", "labels.xml", lambda labels, names: cvat(labels, names, skeleton=True)),
    "cvat of copies": ("cvat", "labels.xml", lambda labels, names: cvat(_small(labels), names, SMALL)),
}


def _small(labels):
    return {name: resize_points(points, SIZE, SMALL) for name, points in labels.items()}


def write_foreign(path: Path, content: str | dict[str, str]) -> Path:
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    else:
        path.mkdir()
        for name, text in content.items():
            (path / name).write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "names", [list(LANDMARKS), ["OFD 1", "ofd-2", "BPD_1", "bpd2"], ["front", "back", "up", "down"]]
)
@pytest.mark.parametrize("kind", FOREIGN)
def test_an_annotation_tool_s_file_is_a_label_table(kind, names, scans, tmp_path):
    dataset, file, write = FOREIGN[kind]
    truth = dict(list(scans.truth.items())[:5])
    path = write_foreign(tmp_path / file, write(truth, names))
    settings = {"point_names": names} if names[0] == "front" else {}
    config = labelled(scans.folder, path, dataset=dataset, **settings)
    assert outcome(config, truth, tmp_path / "work") == "right"


def without_last(write):
    return lambda labels, names: write({name: points[:3] for name, points in labels.items()}, names[:3])


def turned(labels, names):
    return coco(labels, names, SIZE[::-1])


polygon = {"name": "polygon", "all_points_x": [1, 50, 90], "all_points_y": [1, 50, 9]}
ellipse = {"name": "ellipse", "cx": 300, "cy": 200, "rx": 100, "ry": 80, "theta": 0.2}


def via_shapes(labels, shape):
    region = {"shape_attributes": shape, "region_attributes": {"landmark": "head"}}
    return {name: {"filename": name, "regions": [region]} for name in labels}


def outlines_of_coco(labels, names):
    content = json.loads(coco(labels, names))
    for annotation in content["annotations"]:
        del annotation["keypoints"]
        annotation["segmentation"] = [[1, 2, 3, 4, 5, 6]]
    return json.dumps(content)


def outlines_of_labelme(labels, names):
    shape = {"label": "head", "points": [[1, 2], [3, 4], [5, 6]], "shape_type": "polygon"}
    return _labelme_files({image: [shape] for image in labels}, SIZE)


def cvat_shape(labels, tag):
    """Each label as one shape."""
    root = ElementTree.Element("annotations")
    for name, ends in labels.items():
        image = ElementTree.SubElement(root, "image", name=name, width="800", height="540")
        places = {"points": ";".join(f"{x},{y}" for x, y in ends.tolist())} if tag == "points" else {}
        ElementTree.SubElement(image, tag, label="head", **places)
    return ElementTree.tostring(root, encoding="unicode")


def without_labels(labels, names):
    return json.dumps(json.loads(coco(labels, names)) | {"annotations": []})


BROKEN = {
    "coco without a point": ("coco", "labels.json", without_last(coco), "bpd_2"),
    "via without a point": ("via", "labels.csv", without_last(via_csv), "bpd_2"),
    "labelme without a point": ("labelme", "labels", without_last(labelme), "bpd_2"),
    "cvat without a point": ("cvat", "labels.xml", without_last(cvat), "bpd_2"),
    "names that nobody stated": (
        "coco",
        "labels.json",
        lambda labels, names: coco(labels, list("abcd")),
        "point_names",
    ),
    "two heads": (
        "cvat",
        "labels.xml",
        lambda labels, names: cvat({k: np.tile(v, (2, 1)) for k, v in labels.items()}, 2 * names),
        "8",
    ),
    "turned pictures": ("coco", "labels.json", turned, "540x800"),
    "cut pictures": ("coco", "labels.json", lambda labels, names: coco(labels, names, (800, 600)), "800x600"),
    "coco outlines": ("coco", "labels.json", outlines_of_coco, "head"),
    "via outlines": ("via", "labels.json", lambda labels, names: json.dumps(via_shapes(labels, polygon)), "head"),
    "via ellipses": ("via", "labels.json", lambda labels, names: json.dumps(via_shapes(labels, ellipse)), "head"),
    "via coordinates that are no numbers": (
        "via",
        "labels.json",
        lambda labels, names: json.dumps(via_shapes(labels, {"name": "point", "cx": "12px", "cy": 3})),
        "Image Annotator",
    ),
    "labelme outlines": ("labelme", "labels", outlines_of_labelme, "head"),
    "cvat masks": ("cvat", "labels.xml", lambda labels, names: cvat_shape(labels, "mask"), "head"),
    "cvat points in one shape": ("cvat", "labels.xml", lambda labels, names: cvat_shape(labels, "points"), "4: head"),
    "cvat tracks": ("cvat", "labels.xml", lambda labels, names: "<annotations><track/></annotations>", "no label"),
    "no label at all": ("coco", "labels.json", without_labels, "no label"),
    "no COCO": ("coco", "labels.json", via_json, "COCO"),
    "no VIA": ("via", "labels.json", coco, "Image Annotator"),
    "no LabelMe": ("labelme", "labels", lambda labels, names: {"a.json": "{}"}, "LabelMe"),
    "an empty folder": ("labelme", "labels", lambda labels, names: {}, "JSON"),
    "no JSON": ("coco", "labels.json", cvat, "JSON"),
    "no XML": ("cvat", "labels.xml", coco, "XML"),
    "an image that is not there": (
        "coco",
        "labels.json",
        lambda labels, names: coco({"x.png": next(iter(labels.values()))}, names),
        "x.png",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_annotation_file_is_refused(kind, scans, tmp_path):
    dataset, file, write, words = BROKEN[kind]
    path = write_foreign(tmp_path / file, write(dict(list(scans.truth.items())[:2]), list(LANDMARKS)))
    config = labelled(scans.folder, path, dataset=dataset)
    assert outcome(config, {}, tmp_path / "work", str(path), words) == "refused"


# ---- names in two spellings


@pytest.mark.parametrize("place", ["images", "pixel sizes", "landmark table", "annotation", "coco", "the folder"])
@pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
def test_accents_match_however_they_are_spelt(place, on_disk, scans, tmp_path):
    typed = {"NFC": "NFD", "NFD": "NFC"}[on_disk]
    name, other = (unicodedata.normalize(form, "tête_1.png") for form in (on_disk, typed))
    assert name != other
    image, points = next(iter(scans.images.values())), next(iter(scans.truth.values()))
    folder = tmp_path / (unicodedata.normalize(on_disk, "été") if place == "the folder" else "scans")
    folder.mkdir()
    cv2.imwrite(str(folder / name), image)
    sizes = tmp_path / "sizes.csv"
    sizes.write_text(f"image_name,pixel_size_mm\n{other},0.2\n", encoding="utf-8")
    asked = {"images": str(folder), "dataset": "images", "pixel_sizes": str(sizes)}
    table = write_table(tmp_path / "labels.csv", {other: points})
    if place == "images":
        (folder / "list.csv").write_text(f"image_name,pixel_size_mm\n{other},0.2\n", encoding="utf-8")
        asked = {"images": str(folder / "list.csv"), "dataset": "images"}
    elif place == "the folder":
        asked["images"] = str(tmp_path / unicodedata.normalize(typed, "été"))
    elif place == "annotation":
        mask = cv2.ellipse(np.zeros(SIZE[::-1], np.uint8), (400, 270), (120, 90), 0, 0, 360, 255, -1)
        cv2.imwrite(str(folder / other.replace(".png", "_Annotation.png")), mask)
        asked = {"dataset": "hc18", "image_folder": str(folder), "pixel_sizes": str(sizes)}
    elif place in ("landmark table", "coco"):
        table = (
            table
            if place == "landmark table"
            else write_foreign(tmp_path / "l.json", coco({other: points}, list(LANDMARKS)))
        )
        asked = {
            "dataset": "coco" if place == "coco" else "challenge",
            "image_folder": str(folder),
            "landmark_table": str(table),
        }
        asked["pixel_sizes"] = str(sizes)
    (source,) = list_sources(Config(data_root="/", **asked), tmp_path)
    assert source.image_name == unicodedata.normalize("NFC", name)
    assert source.image.path.is_file() and source.pixel_size_mm == 0.2
    assert source.labelled == (place not in ("images", "pixel sizes", "the folder"))


# ---- tables that are no csv, and columns that only look right


@pytest.mark.parametrize("setting", ["images", "pixel_sizes", "landmark_table"])
@pytest.mark.parametrize("suffix", [".xlsx", ".tsv", ".txt", ".ods", ".XLSX"])
def test_another_table_is_refused_with_the_remedy(setting, suffix, scans, tmp_path):
    path = tmp_path / f"list{suffix}"
    if suffix.lower() == ".xlsx":
        Workbook().save(path)
    else:
        path.write_text("image_name\tpixel_size_mm\n000_HC.png\t0.1\n")
    asked = {"images": str(path)} if setting == "images" else {"images": str(scans.folder), "pixel_sizes": str(path)}
    if setting == "landmark_table":
        asked = {"dataset": "challenge", "image_folder": str(scans.folder), "landmark_table": str(path)}
    with pytest.raises(InputError) as refused:
        list_sources(Config(data_root="/", **asked), tmp_path)
    assert str(path) in str(refused.value) and "save it as csv" in str(refused.value)


@pytest.mark.parametrize(
    "column",
    ["pixel_size_cm", "spacing", "Pixel Spacing", "pixel_spacing_x", "px_to_mm_rate", "mm_per_pixel", "mm/px",
     "pixel_width_mm", "ga_days", "gestational_age_days", "GA", "weeks", "HC (cm)", "true_hc", "BPD in cm", "FOD"],
)  # fmt: skip
def test_a_column_that_looks_like_a_known_one_is_named(column, scans, tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(f"image_name,{column}\n{scans.folder / '000_HC.png'},0.1\n")
    with pytest.raises(InputError) as refused:
        list_sources(Config(images=str(path)), tmp_path)
    lengths = {"HC (cm)": "hc", "true_hc": "hc", "BPD in cm": "bpd", "FOD": "ofd"}
    wanted = "gestational_age_weeks" if column.lower()[0] in "gw" else "pixel_size_mm"
    wanted = f"reference_{lengths[column]}_mm" if column in lengths else wanted
    assert all(word in str(refused.value) for word in (str(path), column.lower(), wanted))


@pytest.mark.parametrize("column", ["width_px", "hc_px", "patient", "age", "size", "scanner", "resolution"])
def test_other_columns_are_passed_over(column, scans, tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(f"image_name,{column}\n{scans.folder / '000_HC.png'},0.1\n")
    (source,) = list_sources(Config(images=str(path)), tmp_path)
    assert source.pixel_size_mm is None


@pytest.mark.parametrize("column", ["HC [mm]", "hc mm", "Head circumference", "HC(mm)", "hc"])
def test_a_column_counts_however_its_unit_is_set(column, scans, tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(f"Image Name,{column}\n{scans.folder / '000_HC.png'},170\n")
    (source,) = list_sources(Config(images=str(path)), tmp_path)
    assert source.reference_hc_mm == 170


@pytest.mark.parametrize("column, unit", [("pixel_size_mm", 0.2), ("PIXEL_SIZE_MM", 0.2), ("px_to_mm_rate", None)])
def test_a_label_table_s_own_pixel_size_is_used(column, unit, scans, tmp_path):
    path = write_table(tmp_path / "labels.csv", dict(list(scans.truth.items())[:1]), {column: 0.2})
    (source,) = list_sources(labelled(scans.folder, path), tmp_path)
    assert source.pixel_size_mm == unit


# ---- values on the command line

TYPED = {  # what was typed, what Snakemake makes of it, what is right
    "run=2024_05_01": (20240501, "2024_05_01"),
    "run=001": (1, "001"),
    "run='2024'": (2024, "2024"),
    "run=1e3": (1000.0, "1e3"),
    "images=2024_05_01": (20240501, "2024_05_01"),
    "images=scans #2": ("scans", "scans #2"),
    "images=a: b": ({"a": "b"}, "a: b"),
    "images=[x]": (["x"], "[x]"),
    "recipe=007": (7, "007"),
    "pixel_sizes=0.12": (0.12, 0.12),
    "pixel_sizes=.12": (0.12, 0.12),
    "pixel_sizes=1e-1": (0.1, 0.1),
    "pixel_sizes=sizes #2.csv": ("sizes", "sizes #2.csv"),
    "pixel_sizes=0,12": ("0,12", None),
    "pixel_sizes=0.12mm": ("0.12mm", None),
    "pixel_sizes=0.12 # mm": ("0.12", None),
    "pixel_sizes=1_2": (12, None),
    "seed=1_0": (10, None),
    "epochs=1e3": (1000.0, None),
    "point_names=[a, b, c, d]": (["a", "b", "c", "d"], ["a", "b", "c", "d"]),
    "flags=no": ("no", False),
}


@pytest.mark.parametrize("typed", TYPED)
def test_a_value_counts_as_it_was_typed_or_is_refused(typed):
    parsed, expected = TYPED[typed]
    name = typed.partition("=")[0]
    try:
        config = read_config({name: parsed}, [typed], {name: parsed})
    except InputError as error:
        assert expected is None and name in str(error) and "\n" not in str(error), error
    else:
        assert getattr(config, name) == expected


def test_a_value_that_a_snakefile_sets_wins_over_what_was_typed():
    assert read_config({"run": "study"}, ["run=2024_05_01"], {"run": 20240501}).run == "study"


@pytest.mark.parametrize("images", ["scans of May", "2024_05_01", "a: b", "scans #2", "it's", "a  b"])
def test_make_hands_values_on_as_they_are(images):
    show = f"{sys.executable} -c 'import json, sys; print(json.dumps(sys.argv[1:]))'"
    command = ["make", "--silent", "-o", "setup", "measure", f"PY={show}", f"IMAGES={images}", "PIXEL_SIZE=0.12"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)[-2:] == [f"images={images}", "pixel_sizes=0.12"]


# ---- results of other images


def inputs_of(folder: Path, **settings) -> Config:
    return Config(**{key: str(folder / value) if key != "dataset" else value for key, value in settings.items()})


SAME, OTHER = {"images": "mine"}, {"images": "theirs"}
TABLES = [{"dataset": "challenge", "landmark_table": name} for name in ("a.csv", "b.csv")]
FOLDERS = [{"dataset": "hc18", "image_folder": name} for name in ("a", "b")]
RUNS = {
    "the same folder": (SAME, SAME, False),
    "another folder": (SAME, OTHER, True),
    "another table": (
        {"dataset": "challenge", "landmark_table": "a.csv"},
        {"dataset": "challenge", "landmark_table": "b.csv"},
        True,
    ),
    "another image folder": (*FOLDERS, True),
    "another dataset": ({"dataset": "phantom"}, SAME, True),
    "unlabelled images beside": ({"dataset": "phantom"}, {"dataset": "phantom"} | SAME, False),
}


@pytest.mark.parametrize("kind", RUNS)
def test_results_of_other_images_are_not_replaced(kind, tmp_path):
    before, now, refused = RUNS[kind]
    results, plan = tmp_path / "results" / "mine", tmp_path / "plan"
    plan.mkdir()
    results.mkdir(parents=True)
    (plan / FILE).write_text(json.dumps(describe_inputs(inputs_of(tmp_path, **before))))
    config = inputs_of(tmp_path, **now)
    refuse_other_inputs(config, results, plan)  # there is nothing to lose yet
    (results / "predictions.csv").touch()
    if not refused:
        return refuse_other_inputs(config, results, plan)
    with pytest.raises(InputError) as error:
        refuse_other_inputs(config, results, plan)
    assert str(results) in str(error.value) and "run=NAME" in str(error.value)
