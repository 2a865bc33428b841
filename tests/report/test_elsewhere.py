"""Planes of other centres: figures of made-up tables that can be counted by hand, and the page of them."""

import cv2
import numpy as np
import pandas as pd
import pytest
from axe import assert_readable, on_every_screen
from reading import texts_by_id

from fetal_biometry.model.geometry import all_lengths, ellipse_landmarks
from fetal_biometry.report.bootstrap import share_interval
from fetal_biometry.report.elsewhere import ALL, report_elsewhere
from fetal_biometry.terms import COLUMNS, LENGTHS, REFERENCE_COLUMNS

POINTS = ellipse_landmarks((100, 75), 100, 78, 0.2)
BPD, OFD, HC = all_lengths(POINTS[None])[0]
MISSING = {f"{length}_px{end}": np.nan for length in LENGTHS for end in ("", "_low", "_high")}
MISSING |= dict.fromkeys(COLUMNS, np.nan)


def image(folder, name, plane, centre, flags="", presence="head", whole=True, ratio=None, kind="", half=0.02) -> dict:
    """A row; the measured head is always the same one, and its reference is larger by ``1 / ratio``."""
    path = folder / f"{centre}_{name}.png"
    cv2.imwrite(str(path), np.full((150, 200), 60, np.uint8))
    row = {"image_name": f"{name}.png", "path": str(path), "plane": plane, "centre": centre, "flags": flags}
    row |= {"whole": whole, "is_head": plane == "head", "presence": presence, "reference_kind": kind}
    row |= dict.fromkeys([*REFERENCE_COLUMNS, *(f"reference_{length}_px" for length in LENGTHS)], np.nan)
    row |= dict(zip(COLUMNS, POINTS.ravel(), strict=True))
    for length, value in zip(LENGTHS, (BPD, OFD, HC), strict=True):
        row |= {f"{length}_px": value, f"{length}_px_low": value * (1 - half), f"{length}_px_high": value * (1 + half)}
        if ratio:
            row[f"reference_{length}_px"] = value / ratio
    if ratio:
        larger = POINTS.mean(axis=0) + (POINTS - POINTS.mean(axis=0)) / ratio
        row |= dict(zip(REFERENCE_COLUMNS, larger.ravel(), strict=True))
    row["passes_dotted"] = presence == "head"
    return row | (MISSING if presence == "no head" else {})


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("planes")
    far, no = "low confidence;no pixel size", "no pixel size"
    rows = [image(folder, f"a{i}", "head", "A", no, ratio=ratio, kind="ellipse")
            for i, ratio in enumerate((0.95, 0.96, 0.97, 0.99))]  # fmt: skip
    rows += [
        image(folder, "a4", "head", "A", far),
        image(folder, "a5", "head", "A", "no head found", "no head", ratio=0.5, kind="ellipse"),
        image(folder, "a6", "head", "A", no, whole=False),
        image(folder, "a7", "abdomen", "A", no, ratio=0.7, kind="ellipse"),  # no head: of no ratio
        image(folder, "a8", "abdomen", "A", no, "faint head"),
        image(folder, "a9", "abdomen", "A", "", "no head"),
        image(folder, "a10", "femur", "A", "", "no head"),
        image(folder, "b0", "head", "B", "", ratio=1.01, kind="mask"),
        image(folder, "b0", "head", "B", "", ratio=0.98, kind="landmarks"),  # the same image
        image(folder, "b1", "thorax", "B", "low confidence"),
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def told(found):
    table, page = report_elsewhere(found, "hc18", "model.onnx", 0.9, "None had a part in training.")
    return table.set_index(["centre", "images", "reference", "figure"]), page


@pytest.mark.parametrize(
    ("place", "count", "n"),
    [
        (("A", "whole heads", "", "passed"), 4, 6),
        (("A", "cut heads", "", "passed"), 1, 1),
        (("A", "heads", "", "without_length"), 1, 7),
        (("A", "negatives", "", "passed"), 1, 4),
        (("A", "negatives", "", "passed_dotted"), 1, 4),
        (("B", "negatives", "", "passed_dotted"), 1, 1),
        (("A", "abdomen", "", "passed"), 1, 3),
        (("A", "abdomen", "", "with_length"), 2, 3),
        (("A", "femur", "", "with_length"), 0, 1),
        (("B", "whole heads", "", "passed"), 1, 1),  # an image with two references is one image
        (("B", "negatives", "", "passed"), 0, 1),
        (("B", "negatives", "", "with_length"), 1, 1),
        ((ALL, "whole heads", "", "passed"), 5, 7),
        ((ALL, "negatives", "", "with_length"), 3, 5),
        (("A", "heads", "ellipse", "hc_coverage"), 1, 4),  # within 2 %: 0.99 alone
        (("B", "heads", "mask", "ofd_coverage"), 1, 1),
        (("B", "heads", "landmarks", "ofd_coverage"), 0, 1),  # larger by 2.04 %
    ],
)
def test_shares_count_images_and_have_wilson_intervals(told, place, count, n):
    row = told[0].loc[place]
    assert (row["count"], row["n"], row["value"]) == (count, n, count / n)
    assert (row["low"], row["high"]) == share_interval(count, n)


def test_a_centre_without_a_kind_of_image_has_no_row_of_it(told):
    assert not {("B", "cut heads", "", "passed"), ("B", "femur", "", "passed")} & set(told[0].index)
    assert set(told[0].xs("hc_ratio", level="figure").index) == {
        ("A", "heads", "ellipse"), ("B", "heads", "mask"), ("B", "heads", "landmarks"),
    }  # fmt: skip


@pytest.mark.parametrize("length", LENGTHS)
def test_ratios_are_of_heads_with_a_length(told, length):
    ratio = told[0].loc[("A", "heads", "ellipse", f"{length}_ratio")]
    assert ratio["n"] == 4
    assert ratio["value"] == pytest.approx(0.965)  # between 0.96 and 0.97
    assert ratio["low"] == pytest.approx(0.95 + 0.15 * 0.01)  # 5 % of the three steps from the first to the last
    assert ratio["high"] == pytest.approx(0.97 + 0.85 * 0.02)
    assert told[0].loc[("A", "heads", "ellipse", f"{length}_difference"), "value"] == pytest.approx(0.0325)
    assert told[0].loc[("B", "heads", "mask", f"{length}_ratio"), "value"] == pytest.approx(1.01)


def test_the_page_shows_the_figures_and_the_worst_images(told):
    said = texts_by_id(told[1])
    assert "13 images" in said["lead"] and "None had a part in training." in said["lead"]
    assert "5 of 7 35.9–91.8" in said["passing"] and "1 of 4 4.6–69.9" in said["passing"]  # Wilson
    assert "0.965" in said["ratios"] and "3.2" in said["ratios"]  # 3.25 %
    negatives, missed, sizes = (told[1].split(f'id="gallery-{name}"')[1].split("<h3 ")[0]
                                for name in ("negatives", "missed", "sizes"))  # fmt: skip
    assert negatives.count("<figure>") == 1 and "a7.png" in negatives
    assert missed.index("a5.png") < missed.index("a4.png")  # first what has no length
    assert f"HC over ellipse {0.99:.3f}. Flags: no pixel size" in " ".join(sizes.split())
    assert sizes.index("a3.png") < sizes.index("a1.png") and 'class="reference"' in sizes
    assert "a7.png" not in sizes.split("<section")[0]


def test_nothing_wrong_and_no_reference_need_no_section(found):
    good = found.drop(columns=list(REFERENCE_COLUMNS)).query("image_name in ('a6.png', 'a10.png')")
    table, page = report_elsewhere(good.assign(reference_kind=""), "hc18", "model.onnx", 0.9)
    assert ALL not in set(table["centre"]) and not table["figure"].str.contains("ratio").any()
    said = texts_by_id(page)
    assert "sizes" not in said and not {"gallery-negatives", "gallery-missed"} & said.keys()


def test_lengths_without_intervals_have_no_coverage(found):
    ends = [f"{length}_px_{end}" for length in LENGTHS for end in ("low", "high")]
    table, _ = report_elsewhere(found.assign(**dict.fromkeys(ends, np.nan)), "hc18", "model.onnx", 0.9)
    assert table["figure"].str.contains("ratio").any() and not table["figure"].str.contains("coverage").any()


@pytest.fixture(scope="module")
def elsewhere(told, tmp_path_factory):
    path = tmp_path_factory.mktemp("elsewhere") / "elsewhere.html"
    path.write_text(told[1], encoding="utf-8")
    return path


@on_every_screen
def test_axe_finds_nothing_serious(browser, elsewhere, scheme, width):
    assert_readable(browser, elsewhere, scheme, width, opens="#gallery .zoom")


def test_the_page_works_in_a_browser(browser, elsewhere):
    browser.open(elsewhere)
    browser.run("[...document.querySelectorAll('#image-table th button')][5].click()")
    first = "document.querySelector('#image-table tbody tr').cells[0].dataset.value"
    assert browser.run(first) == "a7.png"  # the smallest ratio
    browser.run("""{ const field = document.getElementById('filter-text'); field.value = 'thorax';
        field.dispatchEvent(new Event('input')); }""")
    shown = "[...document.querySelectorAll('#image-table tbody tr')].filter((row) => !row.hidden).length"
    assert browser.run(shown) == 1
    assert browser.run("document.getElementById('filter-status').textContent") == "1 of 13 images"
    assert browser.messages == [] and browser.requests == [elsewhere.as_uri()]
