"""Bad input, one case at a time, each with the message it must give.

A case of one image ends the run under `stop`, and quarantines that image alone under `quarantine`; a table or folder
that is wrong as a whole ends the run under both.
"""

import csv
import io
import os
import struct
import zlib

import numpy as np
import pytest
from joined import ALL_TRAIN, join
from PIL import Image
from pydicom import dcmread
from test_dicom import speckle, write

from fetal_biometry.configuration import Config
from fetal_biometry.errors import InputError
from fetal_biometry.model.geometry import ellipse_landmarks
from fetal_biometry.terms import COLUMNS

NAMES = ("000_HC.png", "001_HC.png", "002_HC.png")
BAD = NAMES[1]
WIDTH, HEIGHT = 120, 100
HEAD = ellipse_landmarks((60, 48), 40, 30, 0.3).ravel().round(2).tolist()


class Data:
    """Three images with an annotation, a row of landmarks and a pixel size each, to spoil."""

    def __init__(self, root):
        self.root, self.images = root, root / "images"
        self.images.mkdir()
        self.image = self.images / BAD
        self.annotation = self.images / BAD.replace(".png", "_Annotation.png")
        rng = np.random.default_rng(7)
        y, x = np.mgrid[:HEIGHT, :WIDTH]
        head = np.where(((x - 60) / 40) ** 2 + ((y - 48) / 30) ** 2 <= 1, 255, 0).astype(np.uint8)
        for name in NAMES:
            save(self.images / name, rng.integers(0, 256, (HEIGHT, WIDTH), np.uint8))
            save(self.images / name.replace(".png", "_Annotation.png"), head)
        self.landmarks = [["image_name", *COLUMNS], *([name, *HEAD] for name in NAMES)]
        self.sizes = [["image_name", "pixel_size_mm"], *([name, 0.1] for name in NAMES)]
        self.settings = {
            "data_root": str(root),
            "image_folder": "images",
            "landmark_table": "landmarks.csv",
            "pixel_sizes": "sizes.csv",
            **ALL_TRAIN,
        }

    def join(self, dataset, policy):
        """Names of the images that can be used, with labels where there are any, and the rows of the quarantine."""
        for name, rows in (("landmarks.csv", self.landmarks), ("sizes.csv", self.sizes)):
            if isinstance(rows, bytes):
                (self.root / name).write_bytes(rows)
            elif rows is not None:
                with open(self.root / name, "w", newline="", encoding="utf-8") as file:
                    csv.writer(file).writerows(rows)
        if dataset == "images":
            for path in self.images.glob("*_Annotation.png"):
                path.unlink()
            self.settings.setdefault("images", str(self.images))
        config = Config(**self.settings, dataset=dataset, on_bad_image=policy)
        images, quarantine = join(config, self.root / "work")
        usable = images if dataset == "images" else images[images["label_source"] != ""]
        return list(usable["image_name"]), quarantine.to_dict("records")


def save(path, image, **options):
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)


def encoded(kind, image=None, **options):
    file = io.BytesIO()
    image = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH), np.uint8) if image is None else image
    Image.fromarray(image).save(file, kind, **options)
    return file.getvalue()


def png_of(width, height):
    """A PNG file whose header promises that many pixels, and which is short all the same: a decompression bomb."""
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0),
        b"IDAT": zlib.compress(b"0" * 9),
        b"IEND": b"",
    }
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts.items()
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def content(data_or_name, data=None):
    """A case in which the image's file has this content, under its own or another name."""

    def spoil(world):
        name, bytes_ = (BAD, data_or_name) if data is None else (data_or_name, data)
        if world.image.name != name:
            world.image.unlink()
        (world.images / name).write_bytes(bytes_)
        world.sizes[2][0] = name

    return spoil


def picture(image, name=BAD, **options):
    """A case in which the image is another picture."""

    def spoil(world):
        world.image.unlink()
        save(world.images / name, image, **options)
        world.sizes[2][0] = name

    return spoil


def dicom(change=None, cut=None, pixels=None, **options):
    """A case of a DICOM file, with a change to its tags or cut to a share of its length."""

    def spoil(world):
        world.image.unlink()
        path = write(world.images / "001.dcm", speckle() if pixels is None else pixels, **options)
        world.sizes[2][0] = path.name
        if change:
            file = dcmread(path)
            change(file)
            file.save_as(path)
        if cut is not None:
            path.write_bytes(path.read_bytes()[: int(cut * path.stat().st_size)])

    return spoil


def coordinate(value, column=3):
    """A case in which a landmark's coordinate is something else."""
    return lambda world: world.landmarks[2].__setitem__(column, value)


def pixel_size(value):
    """A case in which the image's pixel size is something else."""
    return lambda world: world.sizes[2].__setitem__(1, value)


def further(column, value):
    """A case of another column beside the pixel sizes."""

    def spoil(world):
        world.sizes = [[*row, cell] for row, cell in zip(world.sizes, (column, "", value, ""), strict=True)]

    return spoil


def renamed(name):
    """A case of an image of another name."""

    def spoil(world):
        world.image.rename(world.images / name)
        world.sizes[2][0] = name.encode(errors="replace").decode()

    return spoil


def a_folder_instead(path):
    path.unlink()
    path.mkdir()


def a_broken_link(world):
    world.image.unlink()
    world.image.symlink_to(world.root / "gone.png")


def tags(**values):
    return lambda file: [setattr(file, name, value) for name, value in values.items()]


def a_name_in_the_table(name):
    return lambda world: world.landmarks[2].__setitem__(0, name)


NOISE = np.random.default_rng(4).integers(0, 256, (HEIGHT, WIDTH), np.uint8)
PAGES = {"save_all": True, "append_images": [Image.fromarray(255 - NOISE)]}
UNREADABLE, REMOVE = "not a readable image", "replace or remove it"
NUMBER = "not a finite number; correct or remove the row"
UNIT = "is impossible in ultrasound .* give millimetres"
ONE_IMAGE = {
    # files
    "an empty file": ("images", content(b""), REMOVE),
    "text named .png": ("images", content(b"fetal head"), f"{UNREADABLE} .*unknown format.*{REMOVE}"),
    "a png cut in its header": ("images", content(encoded("PNG")[:20]), UNREADABLE),
    "a png cut in its pixels": ("images", content(encoded("PNG")[:4000]), "cut short"),
    "a png whose pixels are damaged": (
        "images",
        content(encoded("PNG")[:3000] + b"\0" * 64 + encoded("PNG")[3064:]),
        "cut short",
    ),
    "a jpeg cut in its pixels": ("images", content("001.jpg", encoded("JPEG")[:2000]), "cut short"),
    "a tiff cut short": ("images", content("001.tif", encoded("TIFF")[:60]), REMOVE),
    "one pixel": ("images", picture(NOISE[:1, :1]), "1x1 pixels; give an image of at least 32 pixels a side"),
    "no pixel": ("images", content(png_of(0, 100)), f"{UNREADABLE}|0x100 pixels"),
    "20,000 pixels a side": (
        "images",
        content(png_of(20_000, 20_000)),
        "20000x20000 pixels; give .* 67 million pixels at most",
    ),
    "an animated png": ("images", picture(Image.fromarray(NOISE), **PAGES), "2 pictures in one file; save those"),
    "a tiff of two pages": ("images", picture(Image.fromarray(NOISE), "001.tif", **PAGES), "2 pictures in one file"),
    "floating point pixels": ("images", picture(NOISE.astype(np.float32), "001.tif"), "float32; save it with 8 or 16"),
    "32-bit pixels": ("images", picture(NOISE.astype(np.int32), "001.tif"), "(int32; save it with 8 or 16)|cut short"),
    "a folder named .png": ("images", lambda world: a_folder_instead(world.image), "a folder or a broken link"),
    "a broken link": ("images", a_broken_link, "a folder or a broken link, not an image; replace or remove it"),
    # DICOM
    "text named .dcm": ("images", content("001.dcm", b"fetal head"), "not a readable DICOM file"),
    "a DICOM file cut in its header": ("images", dicom(cut=0.05), "not a readable DICOM file|without an image"),
    "a DICOM file cut in its pixels": ("images", dicom(cut=0.8), "cannot be decoded .* export it"),
    "a DICOM file without rows": (
        "images",
        dicom(lambda file: file.__delattr__("Rows")),
        "without an image .*; remove it",
    ),
    "a DICOM file of no rows": ("images", dicom(tags(Rows=0)), "60x0 pixels; give an image of at least 32"),
    "a DICOM file that promises 60,000 rows": (
        "images",
        dicom(tags(Rows=60_000, Columns=60_000)),
        "60000x60000 pixels",
    ),
    # annotations
    "an annotation of another size": (
        "hc18",
        lambda world: save(world.annotation, NOISE[:90]),
        "120x90 pixels, but its image .* has 120x100; give the annotation of this image",
    ),
    "an annotation without its image": (
        "hc18",
        lambda world: (world.image.unlink(), world.sizes.pop(2)),
        r"001_HC_Annotation\.png: its image, 001_HC\.png, is not there; add it or remove the annotation",
    ),
    "a black annotation": ("hc18", lambda world: save(world.annotation, 0 * NOISE), "no ellipse to fit; redraw"),
    "an annotation of a straight line": (
        "hc18",
        lambda world: save(world.annotation, np.pad(np.full((1, 100), 255, np.uint8), ((50, 49), (10, 10)))),
        "ellipse.*; redraw or remove the annotation",
    ),
    "an annotation that is text": ("hc18", lambda world: world.annotation.write_text("ellipse"), REMOVE),
    "an annotation that is a folder": (
        "hc18",
        lambda world: a_folder_instead(world.annotation),
        "a folder or a broken",
    ),
    "an annotation without its pixels": (
        "hc18",
        lambda world: world.annotation.write_bytes(png_of(120, 100)),
        "cut short",
    ),
    # landmarks
    "a coordinate nan": ("challenge", coordinate("nan"), r"row 3 \(001_HC\.png\): ofd_2_x is 'nan', " + NUMBER),
    "no coordinate": ("challenge", coordinate(""), "ofd_2_x is '', " + NUMBER),
    "a decimal comma": ("challenge", coordinate("31,5"), "'31,5', " + NUMBER),
    "a coordinate far to the right": ("challenge", coordinate(900), "far outside the image of 120x100 pixels; correct"),
    "an image that is not there": (
        "challenge",
        a_name_in_the_table("zzz.png"),
        r"row 3 .*zzz\.png does not exist; add",
    ),
    "a name that leaves the folder": ("challenge", a_name_in_the_table("../images/001_HC.png"), "does not exist; add"),
    "a formula instead of a name": ("challenge", a_name_in_the_table("=1+1"), "does not exist; add"),
    # pixel sizes and what stands beside
    "a pixel size nan": ("images", pixel_size("nan"), "pixel_size_mm is 'nan', " + NUMBER),
    "a pixel size with a decimal comma": ("images", pixel_size("0,1"), NUMBER),
    "a pixel size in centimetres": ("images", pixel_size(0.0135), UNIT),
    "a pixel size in micrometres": ("images", pixel_size(135), "135 mm " + UNIT),
    "a pregnancy of 143 weeks": ("images", further("gestational_age_weeks", 143), "143 weeks; give .* in weeks"),
    "a pregnancy before it began": ("images", further("gestational_age_weeks", -2), "not a number of at least 4"),
    "a pregnancy of words": ("images", further("gestational_age_weeks", "20+3"), "'20[+]3', not a number"),
    "a reference HC of nothing": ("images", further("reference_hc_mm", 0), "reference_hc_mm is '0', not a number of"),
    "a reference that is a folder": (
        "challenge",
        lambda world: (setting(reference_folder="images")(world), a_folder_instead(world.annotation)),
        "_Annotation.png: a folder or a broken link",
    ),
    "a row of pixel sizes without an image": (
        "hc18",
        lambda world: world.sizes.append(["zzz.png", 0.1]),
        "no such image",
    ),
    # names
    "a name that is a formula": ("images", renamed("=cmd|'calc'!A0.png"), "would take the name .* rename the image"),
    "a name with a line break": ("images", renamed("001\n.png"), r"'001\\n.png' holds control characters; rename"),
    "a name with an escape sequence": ("images", renamed("001\x1b[31m.png"), "holds control characters; rename"),
    "a name that is no text": ("images", renamed(os.fsdecode(b"001\xff.png")), "holds control characters; rename"),
}


def table(name, spoilt):
    """A case in which a table's rows, or its bytes, are others."""
    return lambda world: setattr(world, name, spoilt(getattr(world, name)) if callable(spoilt) else spoilt)


def joined(separator, encoding="utf-8"):
    return lambda rows: "\n".join(separator.join(map(str, row)) for row in rows).encode(encoding)


def setting(**values):
    return lambda world: world.settings.update(values)


def the_same_name_twice(world):
    other = world.root / "other"
    other.mkdir()
    save(other / BAD, NOISE)
    (world.root / "list.csv").write_text(f"path\nimages/{BAD}\nother/{BAD}\n")
    world.settings["images"] = str(world.root / "list.csv")


def no_image(world):
    for path in world.images.iterdir():
        path.unlink()


def all_images_bad(world):
    for name in NAMES:
        (world.images / name).write_bytes(b"no image")


COMMAS = "save it with commas between the columns and points in numbers"
WHOLE = {
    "semicolons": ("challenge", table("landmarks", joined(";")), COMMAS),
    "no header": (
        "challenge",
        table("landmarks", lambda rows: rows[1:]),
        r"no column image_name .* in its header \(000",
    ),
    "an empty table": ("challenge", table("landmarks", b""), r"in its header \(empty file\); add the column"),
    "a table of rows without images": (
        "challenge",
        table("landmarks", lambda rows: rows[:1]),
        "no label in this file",
    ),
    "a column less": ("challenge", table("landmarks", lambda rows: [row[:-1] for row in rows]), "no column bpd_2_y"),
    "a column twice": (
        "challenge",
        table("landmarks", lambda rows: [[*row, row[1]] for row in rows]),
        "stands twice; remove",
    ),
    "a cell less": (
        "challenge",
        table("landmarks", lambda rows: [*rows[:2], rows[2][:-1]]),
        "8 cells under 9 columns; compl",
    ),
    "decimal commas": (
        "challenge",
        table("landmarks", lambda rows: joined(",")([rows[0], *([*row[:-1], "31,5"] for row in rows[1:])])),
        "row 2 .* 10 cells under 9 columns; quote cells that hold a comma",
    ),
    "a quote that does not end": (
        "challenge",
        table("landmarks", lambda rows: joined(",")(rows).replace(b"001_HC", b'"001_HC')),
        "row 3 .* under 9 columns; complete|not a csv file",
    ),
    "a table in UTF-16": (
        "challenge",
        table("landmarks", joined(",", "utf-16")),
        "not a csv file in UTF-8 .* save it as one",
    ),
    "a table in Latin-1": (
        "challenge",
        table("landmarks", lambda rows: joined(",")(rows).replace(b"001", b"\xe4")),
        "not a csv file in UTF-8",
    ),
    "a picture for a table": ("challenge", table("landmarks", encoded("PNG")), "not a csv file|no column image_name"),
    "a name twice": (
        "challenge",
        table("landmarks", lambda rows: [*rows, rows[1]]),
        "stands in row 2 already; keep one",
    ),
    "no name": ("challenge", a_name_in_the_table(""), "row 3: no image name; complete or remove the row"),
    "a table that is not there": (
        "challenge",
        setting(landmark_table="gone.csv"),
        "the table does not exist; correct its",
    ),
    "a table that is a folder": (
        "challenge",
        setting(landmark_table="images"),
        "the table does not exist; correct its path",
    ),
    "pixel sizes of other images": (
        "images",
        table("sizes", lambda rows: [rows[0], *(["old_" + name, size] for name, size in rows[1:])]),
        r"row 2 \(old_\S+\): no row of this table names an image of .*, such as \S+; correct image_name",
    ),
    "pixel sizes of another table's images": (
        "challenge",
        table("sizes", lambda rows: [rows[0], *(["old_" + name, size] for name, size in rows[1:])]),
        r"row 2 \(old_\S+\): no row of this table names an image of .*, such as \S+; correct image_name",
    ),
    "one pixel size in another unit": (
        "images",
        setting(pixel_sizes=135),
        f"configuration's pixel_sizes.*135 mm {UNIT}",
    ),
    "a folder that is not there": ("hc18", setting(image_folder="gone"), "the image folder does not exist; give"),
    "images that are not there": ("images", setting(images="gone"), "gone: the image folder does not exist; correct"),
    "an empty folder": ("images", no_image, r"images: no image in this folder \(it is empty\)"),
    "an empty dataset": (
        "hc18",
        lambda world: (no_image(world), setting(pixel_sizes="")(world)),
        "'hc18' has no image",
    ),
    "the same name in two folders": ("images", the_same_name_twice, "another image has the same name .* rename one"),
    "no usable image at all": ("images", all_images_bad, UNREADABLE),
}


@pytest.fixture
def world(tmp_path):
    return Data(tmp_path)


@pytest.mark.parametrize("case", ONE_IMAGE)
def test_one_bad_image_ends_the_run_or_is_quarantined(world, case):
    dataset, spoil, message = ONE_IMAGE[case]
    spoil(world)
    with pytest.raises(InputError, match=f"(?s){message}"):
        world.join(dataset, "stop")
    names, (image,) = world.join(dataset, "quarantine")
    if case != "a row of pixel sizes without an image":
        assert names == [NAMES[0], NAMES[2]]
    assert image["image_name"] and image["path"] and image["image_name"][0] not in "=+-@"
    with pytest.raises(InputError, match=f"(?s){message}"):
        raise InputError(image["reason"])


@pytest.mark.parametrize("case", WHOLE)
def test_what_is_wrong_as_a_whole_ends_the_run(world, case):
    dataset, spoil, message = WHOLE[case]
    spoil(world)
    for policy in ("stop", "quarantine"):
        with pytest.raises(InputError, match=f"(?s){message}"):
            world.join(dataset, policy)


def test_an_image_that_may_not_be_read_is_quarantined(world, monkeypatch):
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: os.path.basename(path) != BAD and allowed(path, mode))
    names, (image,) = world.join("images", "quarantine")
    assert names == [NAMES[0], NAMES[2]] and "change its permissions" in image["reason"]


def test_a_quarantined_image_is_no_formula_anywhere(world, monkeypatch):
    """An image of the current folder has a path, and a reason, that begin with its name."""
    renamed("=x.png")(world)
    monkeypatch.chdir(world.images)
    world.settings["images"] = "."
    _, (image,) = world.join("images", "quarantine")
    assert image["path"] == "'=x.png" and {text[0] for text in image.values()} == {"'"}


@pytest.mark.parametrize("dataset", ["images", "hc18", "challenge"])
def test_what_is_right_is_taken_whatever_the_policy(world, dataset):
    for policy in ("stop", "quarantine"):
        assert world.join(dataset, policy) == (list(NAMES), [])


def test_unusual_names_are_names(world):
    names = ["ultraschall ä.png", "頭.png", "it's.png", 'a "quoted" name.png', "a, b.png", "<b onclick=alert(1)>.png",
             "a&b.png", "%2e%2e.png", "nan.png", "007.png", "a" * 200 + ".png"]  # fmt: skip
    for name in names:
        save(world.images / name, NOISE)
    world.settings["pixel_sizes"] = 0.1
    assert sorted(world.join("images", "stop")[0]) == sorted([*NAMES, *names])
