"""Images as people have them: each gives the lengths of its clean twin, a flag, or a refusal with file and remedy.

A clean twin is the same phantom as an 8-bit PNG file with its pixel size in a table.
"""

import re
import shutil

import cv2
import gdcm
import numpy as np
import pandas as pd
import pytest
from joined import LIMITS, ROOT, join
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.uid import (
    MPEG4HP41,
    ComprehensiveSRStorage,
    DeflatedExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    JPEGBaseline8Bit,
    MediaStorageDirectoryStorage,
    RLELossless,
    generate_uid,
)
from test_dicom import recompress, region, write

from fetal_biometry.configuration import Config
from fetal_biometry.data.join import describe_join
from fetal_biometry.data.phantom import draw_phantom, plan_phantoms
from fetal_biometry.errors import InputError
from fetal_biometry.frames import sizes_of
from fetal_biometry.images.image_ref import ImageRef, list_folder
from fetal_biometry.images.raster import prepare_images
from fetal_biometry.measure.api import PRETRAINED, measure_images
from fetal_biometry.measure.biometry import measure
from fetal_biometry.measure.contradictions import describe_pixel_sizes, doubt_table, read_facts
from fetal_biometry.model.geometry import all_lengths, ellipse_landmarks
from fetal_biometry.model.inference import Predictor, locate_all
from fetal_biometry.terms import COLUMNS as LANDMARKS
from fetal_biometry.terms import STATED, Calliper

PHANTOMS = plan_phantoms(8, seed=3)
SIZES = [phantom.pixel_size_mm for phantom in PHANTOMS]
CLOSE = 0.02
CONTRADICTED = "pixel size contradicted"


@pytest.fixture(scope="module")
def greys():
    return [draw_phantom(phantom) for phantom in PHANTOMS]


def cm(grey, size, **changes):
    """The tags of a calibrated region over the whole frame, which are changed as told."""
    item = region(0, 0, grey.shape[1] - 1, grey.shape[0] - 1, size / 10, size / 10)
    for name, value in changes.items():
        setattr(item, name, value)
    return {"SequenceOfUltrasoundRegions": [item]}


def plain(change=lambda grey: grey, **options):
    """A DICOM file of that change of the grey values."""
    return lambda path, grey, size: write(path, change(grey)[None], **{**cm(grey, size), **options})


def recoded(syntax):
    """A DICOM file that GDCM compresses as scanners do."""

    def make(path, grey, size):
        recompress(write(path, grey[None], **cm(grey, size)), syntax)

    return make


def run_lengths(path, grey, size):
    write(path, grey.astype(np.uint16)[None], bits=16, **cm(grey, size))
    file = dcmread(path)
    file.compress(RLELossless)
    file.save_as(path)


def colours(grey, chroma=None):
    """Three equal colours, or grey as luminance with that chroma."""
    return np.stack([grey, *([grey, grey] if chroma is None else [np.full_like(grey, chroma)] * 2)], axis=-1)


def regions(*more, first=True):
    """A whole calibrated region behind or before others."""

    def make(path, grey, size):
        whole = cm(grey, size)["SequenceOfUltrasoundRegions"]
        found = [item(grey, size) for item in more]
        write(path, grey[None], SequenceOfUltrasoundRegions=found + whole if first else whole + found)

    return make


def incomplete(grey, size):
    item = region(0, 0, 99, 99, 0.05, 0.05)
    del item.RegionLocationMinX0, item.PhysicalDeltaY
    return item


PROCESS_14 = gdcm.TransferSyntax.JPEGLosslessProcess14
DICOM = {
    "jpeg lossless, first order": recoded(gdcm.TransferSyntax.JPEGLosslessProcess14_1),
    "jpeg lossless": recoded(PROCESS_14),
    "jpeg-ls": recoded(gdcm.TransferSyntax.JPEGLSLossless),
    "jpeg 2000": recoded(gdcm.TransferSyntax.JPEG2000Lossless),
    "deflated": plain(syntax=DeflatedExplicitVRLittleEndian),
    "deflated with a window": plain(syntax=DeflatedExplicitVRLittleEndian, WindowCenter=128, WindowWidth=256),
    "4:2:2 with three bytes of colours": plain(colours, photometric="YBR_FULL_422"),
    "4:2:2 with three bytes of luminance": plain(lambda grey: colours(grey, 128), photometric="YBR_FULL_422"),
    "8-bit values in 16 bits": plain(lambda grey: grey.astype(np.uint16), bits=16),
    "8-bit values in 16 bits, run lengths": run_lengths,
    "8-bit values in 12 bits, inverted": plain(
        lambda grey: 255 - grey.astype(np.uint16), bits=12, photometric="MONOCHROME1"
    ),
    "10-bit values in signed 16 bits": plain(lambda grey: 4 * grey.astype(np.int16), bits=16),
    "a window of no width": plain(WindowCenter=0, WindowWidth=0),
    "several windows, the first of no width": plain(WindowCenter=[0, 128], WindowWidth=[0, 256]),
    "a window of one grey": plain(WindowCenter=128, WindowWidth=1),
    "a window of an unknown kind": plain(WindowCenter=128, WindowWidth=256, VOILUTFunction="FOO"),
    "a pixel spacing of one number": plain(PixelSpacing=[0.1]),
    "a window of negative width": plain(WindowCenter=10, WindowWidth=-5),
    "a slope of 0": plain(RescaleSlope=0, RescaleIntercept=0),
    "negative deltas": lambda path, grey, size: write(
        path, grey[None], **cm(grey, size, PhysicalDeltaX=-size / 10, PhysicalDeltaY=-size / 10)
    ),
    "a first region without units": regions(lambda grey, size: region(0, 0, 99, 99, 0.05, 0.05, units=0)),
    "a first region of flow": regions(lambda grey, size: region(0, 0, 799, 99, 0.05, 0.05, units=4, spatial=3)),
    "an incomplete region": regions(incomplete),
    "a region that counts from 1": lambda path, grey, size: write(
        path, grey[None], **cm(grey, size, RegionLocationMaxX1=grey.shape[1], RegionLocationMaxY1=grey.shape[0])
    ),
    "a region and the same spacing": plain(PixelSpacing=[SIZES[0], SIZES[0]]),  # made of the first phantom
}


def later(change):
    """A DICOM file whose tags are changed once it is written."""

    def make(path, grey, size):
        write(path, grey[None], **cm(grey, size))
        file = dcmread(path)
        change(file)
        file.save_as(path)

    return make


def tags(**values):
    return later(lambda file: [setattr(file, name, value) for name, value in values.items()])


REFUSED = {  # with the tag that the refusal names
    "an unknown colour space": (tags(PhotometricInterpretation="HSV"), "(0028,0004)"),
    "colours of 16 bits": (
        plain(lambda grey: colours(grey).astype(np.uint16), photometric="RGB", bits=16),
        "(0028,0100)",
    ),
    "no bits": (later(lambda file: file.__delattr__("BitsAllocated")), "(0028,0100)"),
    "no stored bits": (later(lambda file: file.__delattr__("BitsStored")), "(0028,0101)"),
    "a palette without colours": (plain(photometric="PALETTE COLOR"), "(0028,1101)"),
    "no colour space": (later(lambda file: file.__delattr__("PhotometricInterpretation")), "(0028,0004)"),
    "too few pixels": (later(lambda file: setattr(file, "PixelData", file.PixelData[:1000])), "(7FE0,0010)"),
    "a damaged jpeg": (plain(syntax=JPEGBaseline8Bit, encoded=[b"no jpeg"]), "(7FE0,0010)"),
    "a video": (plain(syntax=MPEG4HP41, encoded=[b"\0\0\0\x01video"]), "(0002,0010)"),
}


def halved(path, grey, size):
    write(path, cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)[None], **cm(grey, size))


def cut(path, grey, size):
    write(path, grey[None, :-40], **cm(grey, size))


def doubled(path, grey, size):
    write(path, cv2.resize(grey, None, fx=2, fy=2)[None], **cm(grey, size))


def spaced(factor):
    return lambda path, grey, size: write(path, grey[None], PixelSpacing=[factor * size] * 2, **cm(grey, size))


CONTRARY = {  # a file, what a table says of it, the two figures by pixel size and true HC
    "a picture of half the size": (halved, {}, lambda size, hc: ("799, 539", "400x270")),
    "a picture with rows cut off": (cut, {}, lambda size, hc: ("799, 539", "800x500")),
    "a copy of twice the size": (doubled, {}, lambda size, hc: ("799, 539", "1600x1080")),
    "another pixel spacing": (spaced(1.5), {}, lambda size, hc: (f"{size:.4g}", f"{1.5 * size:.4g}")),
    "a pixel spacing in centimetres": (spaced(0.1), {}, lambda size, hc: (f"{size:.4g}", f"{0.1 * size:.4g}")),
    "two sizes of one region": (
        regions(lambda grey, size: region(0, 0, grey.shape[1] - 1, grey.shape[0] - 1, size / 20, size / 20)),
        {},
        lambda size, hc: (f"{size:.4g}", f"{size / 2:.4g}"),
    ),
    "a smaller region of another size": (
        regions(lambda grey, size: region(5, 5, grey.shape[1] - 6, grey.shape[0] - 6, size / 20, size / 20)),
        {},
        lambda size, hc: (f"{size:.4g}", f"{size / 2:.4g}"),
    ),
    "another size in the table": (
        plain(),
        {"pixel_size_mm": lambda size, hc: 1.1 * size},
        lambda size, hc: (f"{1.1 * size:.4g}", f"{size:.4g}"),
    ),
    "another HC in the table": (
        lambda path, grey, size: Image.fromarray(grey).save(path, "png"),
        {"pixel_size_mm": lambda size, hc: 1.3 * size, "HC (mm)": lambda size, hc: hc},
        lambda size, hc: (f"{hc:.1f}",),
    ),
    "another BPD in the table": (
        plain(),
        {"BPD": lambda size, hc: 0.5 * hc},
        lambda size, hc: (f"{0.5 * hc:.1f}",),
    ),
    "another OFD in the table": (
        plain(),
        {"OFD_mm": lambda size, hc: 0.1 * hc},
        lambda size, hc: (f"{0.1 * hc:.1f}",),
    ),
}
COLUMNS = ("image_name", "pixel_size_mm", "HC (mm)", "BPD", "OFD_mm")


def save_twins(folder, greys):
    folder.mkdir(exist_ok=True)
    for number, grey in enumerate(greys):
        Image.fromarray(grey).save(folder / f"clean_{number}.png")


def find_lengths(config, work):
    """Predictions by image name, images.csv, and the quarantine's reasons by name."""
    images, quarantine = join(config, work)
    predictor = Predictor(PRETRAINED)
    refs = map(ImageRef.from_row, images.to_dict("records"))
    prepared = prepare_images(refs, predictor.prepared_size)
    found = locate_all(predictor, images.index, (one.pixels for one in prepared), sizes_of(images))
    found.index = images.index
    table = measure(found, images, predictor.calibration, LIMITS.flags, Calliper.OUTER_TO_OUTER)
    return table.set_index("image_name"), images, dict(zip(quarantine["image_name"], quarantine["reason"], strict=True))


@pytest.fixture(scope="module")
def field(tmp_path_factory, greys):
    """One run over every file: predictions, images, reasons."""
    root = tmp_path_factory.mktemp("field")
    folder = root / "images"
    save_twins(folder, greys)
    true_hc = measure_images(greys)["hc_px"].to_numpy() * SIZES
    rows = [(f"clean_{number}.png", size, *("" for _ in COLUMNS[2:])) for number, size in enumerate(SIZES)]
    cases = {**DICOM, **{name: make for name, (make, _) in REFUSED.items()}}
    for name, make in {**cases, **{name: case[0] for name, case in CONTRARY.items()}}.items():
        number = twin_of(name)
        make(folder / f"{name}.dcm" if name not in PICTURES else folder / f"{name}.png", greys[number], SIZES[number])
    for name, (_, said, _) in CONTRARY.items():
        number = twin_of(name)
        cells = [said[column](SIZES[number], true_hc[number]) if column in said else "" for column in COLUMNS[1:]]
        rows.append((f"{name}.png" if name in PICTURES else f"{name}.dcm", *cells))
    pd.DataFrame(rows, columns=COLUMNS).to_csv(root / "sizes.csv", index=False)
    config = Config(images=str(folder), data_root=str(root), pixel_sizes="sizes.csv", on_bad_image="quarantine")
    return find_lengths(config, root / "work")


PICTURES = ("another HC in the table",)
ORDER = [*DICOM, *REFUSED, *CONTRARY]


def twin_of(name):
    return 0 if name == "a region and the same spacing" else ORDER.index(name) % len(PHANTOMS)


def test_clean_twins_carry_no_flag(field):
    table, *_ = field
    flagged = [bool(table.loc[f"clean_{number}.png", "flags"]) for number in range(len(PHANTOMS))]
    assert sum(flagged) <= 0.05 * len(flagged)


@pytest.mark.parametrize("name", DICOM)
def test_dicom_of_the_field_measures_as_its_clean_twin(field, name):
    table, _, reasons = field
    assert f"{name}.dcm" not in reasons, reasons
    found, twin = table.loc[f"{name}.dcm"], table.loc[f"clean_{twin_of(name)}.png"]
    assert found["hc_mm"] == pytest.approx(twin["hc_mm"], rel=CLOSE) and found["flags"] == ""


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_names_file_tag_transfer_syntax_and_remedy(field, name):
    table, _, reasons = field
    reason = reasons[f"{name}.dcm"]
    assert f"{name}.dcm" not in table.index
    assert f"{name}.dcm" in reason and REFUSED[name][1] in reason and "(0002,0010)" in reason and "PNG" in reason


@pytest.mark.parametrize("name", CONTRARY)
def test_what_contradicts_a_pixel_size_is_flagged_with_both_figures(field, name):
    table, *_ = field
    found = table.loc[f"{name}.png" if name in PICTURES else f"{name}.dcm"]
    number = twin_of(name)
    true_hc = table.loc[f"clean_{number}.png", "hc_mm"]
    assert CONTRADICTED in found["flags"].split(";")
    for figure in CONTRARY[name][2](SIZES[number], true_hc):
        assert figure in found["contradiction"]
    if name.startswith("a picture"):  # the region is another picture's, so that nothing tells a pixel's size
        assert np.isnan(found["hc_mm"])


# ---- files and folders


def save(path, grey, kind):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grey).save(path, kind)


def object_of(path, kind):
    """A DICOM object of another kind than an image."""
    meta = Dataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = kind, generate_uid()
    write(path, np.zeros((1, 40, 60), np.uint8))
    file = dcmread(path)
    for keyword in ("Rows", "Columns", "PixelData", "BitsAllocated"):
        delattr(file, keyword)
    file.SOPClassUID = file.file_meta.MediaStorageSOPClassUID = kind
    if kind == MediaStorageDirectoryStorage:
        del file.SOPClassUID
    file.save_as(path)


UID = "1.2.826.0.1.3680043.8.498.1001.1"
MEASURED = {  # by path in the folder
    "a.jfif": "JPEG", "b.jpe": "JPEG", "c.webp": "WEBP", "d.jp2": "JPEG2000", "e.gif": "GIF", "no suffix": "PNG",
    "f.img": "JPEG", UID: "DICOM", "g.ima": "DICOM", "IM0001": "DICOM", "h.1": "TIFF",
}  # fmt: skip
DEEPER = {"exam 2/a.jfif": "JPEG", "PATIENT/STUDY/IM1": "DICOM", "PATIENT/STUDY2/IM1": "DICOM"}
PASSED_OVER = {
    "DICOMDIR": "Media Storage Directory Storage", "SR1": "Comprehensive SR Storage",
    "PS1.dcm": "Grayscale Softcopy Presentation State Storage", "notes.txt": "pixel_sizes", "report.pdf": "DICOM",
}  # fmt: skip


@pytest.fixture(scope="module")
def tree(tmp_path_factory, greys):
    """A folder as archives leave it: images of many names, a level deeper too, and what is none."""
    folder = tmp_path_factory.mktemp("tree")
    save_twins(folder, greys[:1])
    for name, kind in {**MEASURED, **DEEPER}.items():
        if kind == "DICOM":
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            write(folder / name, greys[0][None], **cm(greys[0], SIZES[0]))
        else:
            save(folder / name, greys[0], kind)
    object_of(folder / "DICOMDIR", MediaStorageDirectoryStorage)
    object_of(folder / "SR1", ComprehensiveSRStorage)
    object_of(folder / "PS1.dcm", GrayscaleSoftcopyPresentationStateStorage)
    (folder / "notes.txt").write_text("2 images\n")
    (folder / "report.pdf").write_bytes(b"%PDF-1.7\n")
    for hidden in (".DS_Store", "Thumbs.db"):
        (folder / hidden).write_bytes(b"0")
    return folder


def test_every_file_is_measured_or_named_with_its_reason(tree, tmp_path):
    images, quarantine = join(Config(images=str(tree), pixel_sizes=SIZES[0]), tmp_path)
    assert set(images.index) == {*MEASURED, "clean_0.png"}
    reasons = dict(zip(quarantine["image_name"], quarantine["reason"], strict=True))
    assert set(reasons) == {*PASSED_OVER, "exam 2", "PATIENT"}
    assert all(word in reasons[name] for name, word in PASSED_OVER.items())
    assert all("recursive=True" in reasons[name] for name in ("exam 2", "PATIENT"))


def test_subfolders_are_read_when_asked_for_and_all_lengths_agree(tree, tmp_path):
    table, _, reasons = find_lengths(Config(images=str(tree), recursive=True, pixel_sizes=SIZES[0]), tmp_path)
    assert set(table.index) == {*MEASURED, *DEEPER, "clean_0.png"} and set(reasons) == set(PASSED_OVER)
    assert table["hc_mm"].to_numpy() == pytest.approx(table.loc["clean_0.png", "hc_mm"], rel=CLOSE)
    assert set(table["flags"]) == {""}


def test_a_folder_is_measured_from_python(tree, caplog):
    table = measure_images([tree / "exam 2", tree / "PATIENT"], SIZES[0], recursive=True)
    assert list(table["image_name"]) == ["a.jfif", "STUDY/IM1", "STUDY2/IM1"]
    with pytest.raises(InputError, match=r"PATIENT: no image .*STUDY: .*recursive=True"):
        measure_images([tree / "PATIENT"])
    measure_images([tree], recursive=True)
    assert all(any(name in said for said in caplog.messages) for name in PASSED_OVER)


def test_a_link_back_ends_the_listing(tree, tmp_path):
    shutil.copytree(tree / "PATIENT", tmp_path / "PATIENT")
    (tmp_path / "PATIENT" / "STUDY" / "back").symlink_to(tmp_path)
    assert len(list_folder(tmp_path, recursive=True).images) == 2


def test_frames_and_pages_that_a_csv_names(greys, tmp_path):
    write(tmp_path / "cine.dcm", np.stack(greys[:3]), **cm(greys[0], SIZES[0]))
    pages = [Image.fromarray(grey) for grey in greys[:3]]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "turns.gif", save_all=True, append_images=pages[1:])
    save_twins(tmp_path, greys[:3])
    given = tmp_path / "list.csv"
    given.write_text(
        "path,image_name\ncine.dcm#2,\ncine.dcm#3,third\npages.tif#2,\npages.tif#3,\nturns.gif#2,\nclean_1.png,\n"
        "clean_2.png,\n"
    )
    table, *_ = find_lengths(Config(images=str(given), pixel_sizes=0.1), tmp_path / "work")
    for names, twin in ((("cine.dcm#2", "pages.tif#2", "turns.gif#2"), 1), (("third", "pages.tif#3"), 2)):
        expected = table.loc[f"clean_{twin}.png", "hc_mm"]
        assert table.loc[list(names), "hc_mm"].to_numpy() == pytest.approx(expected, rel=1e-6)
    for wrong in ("cine.dcm#4", "pages.tif#9", "clean_1.png#2", "cine.dcm#0"):
        given.write_text(f"path\n{wrong}\n")
        number = wrong.rpartition("#")[2]
        with pytest.raises(InputError, match=rf"{re.escape(wrong.partition('#')[0])}.*#{number}.*#1"):
            join(Config(images=str(given)), tmp_path / "work")


# ---- pixel sizes that are missing, and tables that are wrong as a whole


SIZED = {  # rows of a table of pixel sizes, and the images that have one
    "one row": ({3: SIZES[3]}, {3}),
    "a row less": ({i: SIZES[i] for i in range(7)}, set(range(7))),
    "every second row": ({i: SIZES[i] for i in range(0, 8, 2)}, {0, 2, 4, 6}),
    "empty cells": ({i: SIZES[i] if i > 4 else "" for i in range(8)}, {5, 6, 7}),
    "rows of other images, too": ({i: SIZES[i % 8] for i in range(6, 12)}, {6, 7}),
    "no table": (None, set()),
    "every row": (dict(enumerate(SIZES)), set(range(8))),
}


@pytest.mark.parametrize("kind", SIZED)
def test_missing_pixel_sizes_are_counted_and_columns_keep_their_unit(kind, greys, tmp_path):
    folder, (rows, known) = tmp_path / "images", SIZED[kind]
    save_twins(folder, greys)
    lines = [f"clean_{i}.png,{size}" for i, size in (rows or {}).items()]
    (tmp_path / "sizes.csv").write_text("\n".join(["image_name,pixel_size_mm", *lines, ""]))
    table_of_sizes = {} if rows is None else {"pixel_sizes": "sizes.csv"}
    config = Config(images=str(folder), data_root=str(tmp_path), **table_of_sizes)
    table, images, _ = find_lengths(config, tmp_path / "work")
    in_mm = [column for column in table if re.search("_mm(_low|_high)?$", column)]
    names = {f"clean_{i}.png" for i in known}
    assert len(in_mm) == 11 and set(table.index[table[in_mm].notna().any(axis=1)]) == names
    missing = 8 - len(known)
    said = describe_pixel_sizes(table.reset_index(), images, LIMITS.flags)
    assert [re.findall(r"\d+", line)[:2] for line in said] == ([[str(missing), "8"]] if missing else [])
    assert all("pixel_sizes" in line for line in said)
    assert table["pixel_width_mm"].isna().sum() == missing and not table["flags"].str.contains(CONTRADICTED).any()


def heads(count=40):
    """HC in px, pixel sizes, and the HC that follow, with the errors of a good model."""
    rng = np.random.default_rng(5)
    size, hc_mm = rng.uniform(0.06, 0.3, count), rng.uniform(60, 340, count)
    return hc_mm / size * rng.normal(1, 0.01, count), size, hc_mm


TABLES = {  # what is done to a table, and what its finding names
    "as it is": (lambda size, hc: (size, hc), None),
    "a row wrong": (lambda size, hc: (np.append(1.5 * size[:1], size[1:]), hc), None),
    "both columns a row down": (lambda size, hc: (np.roll(size, 1), np.roll(hc, 1)), "one row"),
    "both columns a row up": (lambda size, hc: (np.roll(size, -1), np.roll(hc, -1)), "one row"),
    "pixel sizes a row down": (lambda size, hc: (np.roll(size, 1), hc), "one row"),
    "stated HC in centimetres": (lambda size, hc: (size, hc / 10), "10"),
    "pixel sizes in inches": (lambda size, hc: (size / 25.4, hc), "0.039"),
    "pixel sizes of the original for a copy": (lambda size, hc: (size / 2, hc), "0.5"),
    "pixel sizes in another order": (lambda size, hc: (size[::-1], hc), "rows"),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_doubted_as_a_whole(name):
    (change, word), (hc_px, size, hc_mm) = TABLES[name], heads()
    found = doubt_table(hc_px, *change(size, hc_mm), LIMITS.flags.stated_length)
    assert (found == "") == (word is None) and (word or "") in found
    assert doubt_table(hc_px[:4], *(part[:4] for part in change(size, hc_mm)), LIMITS.flags.stated_length) == ""


def test_a_join_names_what_is_not_measured_and_the_table_that_labels_contradict():
    _, size, _ = heads(30)
    points = np.array([ellipse_landmarks((400, 270), semi, 0.8 * semi, 0.1) for semi in np.linspace(90, 250, 30)])
    true_hc = all_lengths(points)[:, 2] * size
    bad = pd.DataFrame({"reason": [f"{number}.png: cut short." for number in range(25)]})

    def lines(stated, verdict="valid", quarantine=bad):
        images = pd.DataFrame(points.reshape(-1, 8), columns=list(LANDMARKS))
        return describe_join(images.assign(verdict=verdict, pixel_size_mm=size, reference_hc_mm=stated), quarantine)

    assert len(lines(true_hc)) == 21 and "19.png" in lines(true_hc)[19] and re.match("25 ", lines(true_hc)[20])
    (line,) = lines(np.roll(true_hc, 1), quarantine=bad[:0])
    assert "one row" in line and "30" in line
    assert lines(np.roll(true_hc, 1), "invalid", bad[:0]) == lines(np.nan, quarantine=bad[:0]) == []


def test_stated_lengths_judge_the_model_where_there_is_a_label(tmp_path):
    for part in ("test", "images/1"):
        path = tmp_path / f"{part}.facts.csv"
        path.parent.mkdir(exist_ok=True)
        row = {"image_name": [f"{part}.png"], "pixel_size_mm": [0.1], **{column: [50.0] for column in STATED}}
        pd.DataFrame(row).to_csv(path, index=False)
    facts = read_facts([tmp_path / "test.facts.csv", tmp_path / "images/1.facts.csv"])
    assert facts["pixel_size_mm"].notna().all()
    assert facts.loc["test.png", list(STATED)].isna().all() and (facts.loc["images/1.png", list(STATED)] == 50).all()


def test_two_tables_that_differ_are_refused_with_both_figures(greys, tmp_path):
    save_twins(tmp_path, greys[:1])
    (tmp_path / "list.csv").write_text("path,pixel_size_mm\nclean_0.png,0.1\n")
    (tmp_path / "sizes.csv").write_text("image_name,pixel_size_mm\nclean_0.png,0.2\n")
    config = Config(images=str(tmp_path / "list.csv"), data_root=str(tmp_path), pixel_sizes="sizes.csv")
    with pytest.raises(InputError, match=r"list\.csv, row 2 .*0\.1 mm.*sizes\.csv, row 2 .*0\.2 mm; correct"):
        join(config, tmp_path / "work")


def test_the_docs_count_these_cases():
    files = len(MEASURED) + len(DEEPER) + len(PASSED_OVER) + 1
    doubted = sum(word is not None for _, word in TABLES.values())
    (row,) = re.findall(r"test_field_images\.py.*", (ROOT / "docs" / "faults.md").read_text(encoding="utf-8"))
    assert row.split("|")[1].strip() == f"{len(DICOM)}, {len(REFUSED)}, {len(CONTRARY)}, {files}, {doubted}"
