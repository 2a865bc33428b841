"""Lengths in a site's convention: its factors, what is refused, and what moves with the lengths."""

import csv
import io
import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import openpyxl
import pandas as pd
import pytest
import test_dicom
from pydicom.uid import generate_uid
from test_biometry import calibration, found_heads, images
from test_flags import LIMITS

from fetal_biometry.data.phantom import draw_phantom, plan_phantoms
from fetal_biometry.errors import InputError
from fetal_biometry.frames import points_of
from fetal_biometry.images.image_ref import ImageRef
from fetal_biometry.images.raster import read_grey
from fetal_biometry.measure.api import measure_images
from fetal_biometry.measure.biometry import measure
from fetal_biometry.measure.exports import EXPORTS
from fetal_biometry.measure.site import CONVENTIONS, Site, read_site
from fetal_biometry.measure.site_calibration import Pairs, calibrate_to_site, choose_factor, estimate_factor, pair
from fetal_biometry.measure.site_lengths import in_site_convention
from fetal_biometry.measure.site_table import DATE, ELLIPSE, MILLIMETRES, read_site_table
from fetal_biometry.measure.structured_report import structured_reports
from fetal_biometry.model.geometry import all_lengths, fit_annotation, head_circumference
from fetal_biometry.terms import COLUMNS, LENGTHS, Calliper
from measure_image import main


def site_pairs(n=30, bpd=1.05, ofd=1.0, noise=0.02, seed=0, share=0.05):
    """Heads of many sizes, as a model measures them and as a site does: off by a factor each, and by noise."""
    rng = np.random.default_rng(seed)
    diameters = rng.uniform(40, 95, (n, 1)) * [1.0, 1.28] * rng.normal(1, 0.02, (n, 2))
    own = diameters * [bpd, ofd] * np.exp(rng.normal(0, noise, (n, 2)))
    found, given = (np.column_stack([x, head_circumference(*x.T)]) for x in (diameters, own))
    return Pairs(found, given, np.full((n, 3), share))


def write(path: Path, columns, *rows) -> Path:
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["image_name", *columns], *rows])
    return path


# ---- the factor


def test_the_estimate_holds_with_wrong_ratios_and_its_interval_in_95_of_100_cases():
    rng = np.random.default_rng(1)
    ratios = 1.05 * np.exp(rng.normal(0, 0.03, (400, 15)))
    ends = np.array([estimate_factor(row)[1:] for row in ratios])
    held = (ends[:, 0] <= 1.05) & (ends[:, 1] >= 1.05)
    assert 0.93 <= held.mean() <= 0.99
    ratios[:, :3] = 1.5  # three of fifteen heads are mistaken
    assert np.median([estimate_factor(row)[0] for row in ratios]) == pytest.approx(1.05, abs=0.025)


def test_a_habit_is_corrected_and_the_other_length_left_alone():
    site = calibrate_to_site(site_pairs(), 0.9)
    assert site.bpd.factor == pytest.approx(1.05, abs=0.01) and not site.bpd.refused
    assert site.bpd.low < 1.05 < site.bpd.high and site.bpd.n == 30
    assert site.ofd.factor == 1 and site.ofd.refused and site.ofd.estimate == pytest.approx(1, abs=0.01)
    left_out = site.leave_one_out
    assert left_out["bpd"].before > 0.04 and left_out["bpd"].after < 0.025
    assert left_out["ofd"].after == left_out["ofd"].before
    assert left_out["hc"].after < left_out["hc"].before


@pytest.mark.parametrize(
    "pairs",
    [
        site_pairs(bpd=1.005, noise=0.005),  # within 1 %
        site_pairs(bpd=1.02, noise=0.04),  # may be within 1 %
        site_pairs(n=9, noise=0.001),  # too few
        site_pairs(bpd=0.5),  # of a resized image
        site_pairs(noise=0.15),  # other heads, or no head
    ],
    ids=["near 1", "wide interval", "few", "resized", "scattered"],
)
def test_what_a_factor_cannot_correct_is_refused(pairs):
    factor = choose_factor(pairs.found[:, 0], pairs.given[:, 0])
    assert factor.factor == 1 and factor.refused


def test_lengths_of_other_images_are_refused_all_or_half_of_them():
    pairs, rng = site_pairs(n=24, noise=0.01), np.random.default_rng(2)
    found, given = pairs.found[:, 0], pairs.given[:, 0]
    assert not choose_factor(found, given).refused
    for _ in range(30):
        assert choose_factor(found, rng.permutation(given)).refused
    half = np.concatenate([given[:12], np.roll(given[12:], 5)])
    assert choose_factor(found, half).refused


def test_intervals_widen_until_they_hold_and_never_narrow():
    """Of a share of 1 % nearly none of lengths that scatter by 3 % is held; of one of 20 % each is."""
    tight, wide = (calibrate_to_site(site_pairs(n=60, noise=0.03, share=share), 0.9) for share in (0.01, 0.2))
    assert tight.widening["bpd"] > 3 and tight.leave_one_out["bpd"].held_before < 10
    assert all(52 <= tight.leave_one_out[name].held_after <= 59 for name in LENGTHS)
    assert set(wide.widening.values()) == {1}


def test_a_length_that_few_images_have_is_not_corrected_and_hc_is_judged_on_images_with_both():
    pairs = site_pairs(n=20, ofd=1.05)
    pairs.given[8:, 1:] = np.nan
    site = calibrate_to_site(pairs, 0.9)
    assert site.bpd.factor > 1.03 and site.ofd.n == 8 and site.ofd.factor == 1
    assert site.leave_one_out["hc"].n == 8 and json.loads(site.model_dump_json())


# ---- the site's table


def test_lengths_are_read_from_millimetres_landmarks_and_ellipses(tmp_path):
    columns = (*MILLIMETRES, *COLUMNS, *ELLIPSE, DATE)
    table = write(
        tmp_path / "lengths.csv",
        columns,
        ["a.png", 60, 80, "", *[""] * 10, "2026-03-01"],
        ["b.png", "", "", "", 100, 50, 180, 110, 140, 40, 80, 120, "", "", ""],  # OFD 100, BPD 100
        ["c.png", *[""] * 11, 70, 90, "2026-02-01"],
    )
    first, second, third = read_site_table(table)
    assert (first.in_mm, first.bpd, first.ofd) == (True, 60, 80) and first.measured_on == "2026-03-01"
    assert first.hc == pytest.approx(head_circumference(60, 80))
    assert (second.in_mm, second.bpd, second.ofd, second.measured_on) == (False, 100, 100, "")
    assert (third.in_mm, third.bpd, third.ofd) == (False, 70, 90)


def test_a_table_that_calls_the_long_axis_bpd_is_exchanged_as_a_whole(tmp_path):
    rows = [["a.png", 80, 60], ["b.png", 90, 70], ["c.png", 50, 52]]
    heads = read_site_table(write(tmp_path / "lengths.csv", ("bpd_mm", "ofd_mm"), *rows))
    assert [(head.bpd, head.ofd) for head in heads] == [(60, 80), (70, 90), (52, 50)]


@pytest.mark.parametrize(
    ("columns", "cells", "said"),
    [
        (MILLIMETRES, ["", "", 220], "hc_mm"),
        (MILLIMETRES, [60, 80, 300], "hc_mm"),
        (MILLIMETRES, ["", "", ""], "no length"),
        (MILLIMETRES, ["6o", 80, ""], "bpd_mm"),
        (MILLIMETRES, [-60, 80, ""], "bpd_mm"),
        (COLUMNS, [1, 2, 3, 4, 5, 6, 7, ""], "bpd_2_y"),
        (COLUMNS, [1, 2, 1, 2, 5, 6, 7, 8], "same point"),
        (ELLIPSE, [70, ""], "ellipse_major_px"),
        (("bpd_mm", "ofd_mm", DATE), [60, 80, "1.3.2026"], DATE),
    ],
)
def test_a_bad_row_is_refused_with_its_place(tmp_path, columns, cells, said):
    good = [70, 90, "2026-03-01"][: len(columns)] if DATE in columns else [""] * len(columns)
    rows = [["good.png", *good], ["bad.png", *cells]] if DATE in columns else [["bad.png", *cells]]
    table = write(tmp_path / "lengths.csv", columns, *rows)
    with pytest.raises(InputError, match=f"lengths.csv, row {len(rows) + 1} .bad.png.*{said}"):
        read_site_table(table)


@pytest.fixture
def table():
    """Two heads, the second without a pixel size; a third in which no head was found."""
    measured = measure(found_heads(), images([0.1, np.nan]), calibration(0.05), LIMITS, Calliper.OUTER_TO_OUTER)
    lost = measured.iloc[[0]].assign(image_name="lost.png")
    lost[[column for column in lost if column.startswith(LENGTHS)]] = np.nan
    return pd.concat([measured, lost], ignore_index=True)


def test_a_head_is_compared_in_the_unit_of_its_row_and_images_without_one_are_named(tmp_path, table):
    rows = [["000_HC.png", 33, 44], ["lost.png", 30, 40]]
    in_mm = read_site_table(write(tmp_path / "mm.csv", ("bpd_mm", "ofd_mm"), *rows))
    in_px = read_site_table(write(tmp_path / "px.csv", ELLIPSE, ["001_HC.png", 160, 220]))
    pairs, without = pair([*in_mm, *in_px], table.set_index("image_name"))
    assert without == ["lost.png"]
    assert pairs.found[:, :2] == pytest.approx(np.array([[30, 40], [160, 200]]), abs=0.01)
    assert pairs.given[:, :2] == pytest.approx(np.array([[33, 44], [160, 220]]))
    assert pairs.shares == pytest.approx(np.full((2, 3), 0.05), abs=1e-3)


@pytest.mark.parametrize(
    ("columns", "row", "said"),
    [
        (("bpd_mm", "ofd_mm"), ["other.png", 30, 40], "no such image"),
        (("bpd_mm", "ofd_mm"), ["001_HC.png", 30, 40], "no pixel size"),
        (("bpd_mm", "ofd_mm"), ["000_HC.png", 3.0, 4.0], "bpd is 3 mm.* 30"),
        (ELLIPSE, ["000_HC.png", 300, 400], "not square"),
    ],
)
def test_rows_that_cannot_be_compared_are_refused(tmp_path, table, columns, row, said):
    table.loc[0, "pixel_height_mm"] = 0.2
    with pytest.raises(InputError, match=f"row 2 .*{said}"):
        pair(read_site_table(write(tmp_path / "lengths.csv", columns, row)), table.set_index("image_name"))


# ---- what a site changes


def test_points_move_with_the_lengths_and_intervals_widen(table):
    site = CONVENTIONS["outer_to_outer_scalp"]
    moved = in_site_convention(table, site)
    for unit, rows in (("px", [0, 1]), ("mm", [0])):
        before, after = (t.loc[rows, [f"{name}_{unit}" for name in LENGTHS]].to_numpy() for t in (table, moved))
        assert after[:, 0] == pytest.approx(site.bpd.factor * before[:, 0], abs=2e-3)
        assert after[:, 1] == pytest.approx(before[:, 1], abs=2e-3)
        assert after[:, 2] == pytest.approx(head_circumference(after[:, 0], after[:, 1]), abs=2e-3)
        high = moved.loc[rows, [f"{name}_{unit}_high" for name in LENGTHS]].to_numpy()
        widening = [site.widening[name] for name in LENGTHS]
        assert high / after - 1 == pytest.approx(0.05 * np.array([widening] * len(rows)), abs=1e-3)
    assert all_lengths(points_of(moved)[:2]) == pytest.approx(
        moved.loc[:1, [f"{name}_px" for name in LENGTHS]].to_numpy(), abs=5e-3
    )
    assert points_of(moved)[:2].mean(axis=1) == pytest.approx(points_of(table)[:2].mean(axis=1), abs=2e-3)
    assert moved.loc[2, ["hc_px", "hc_px_low", "hc_mm"]].isna().all()
    assert (moved["convention"] == "outer_to_outer_scalp").all() and list(moved["flags"]) == list(table["flags"])
    assert in_site_convention(table, None) is table


def test_every_export_says_the_convention(table, tmp_path):
    described = table.iloc[:2].assign(examination="1", path="a.png", frame="", width_px=800, height_px=540)
    moved = in_site_convention(described, CONVENTIONS["mid_skull"])
    for name, export in EXPORTS.items():
        if name.endswith(".zip"):
            with zipfile.ZipFile(io.BytesIO(export(moved))) as files:
                assert all(b"mid_skull" in files.read(one) for one in files.namelist())
            continue
        if name.endswith(".xlsx"):
            book = openpyxl.load_workbook(io.BytesIO(export(moved)))
            assert "mid_skull" in [cell.value for cell in book["predictions"][2]]
            continue
        assert "mid_skull" in export(moved), name
        assert "mid_skull" not in export(described), name
    study = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid()}
    path = str(test_dicom.write(tmp_path / "a.dcm", test_dicom.speckle(), **study))
    for heads, said in ((moved, True), (described, False)):
        (report,) = structured_reports(heads.iloc[:1].assign(path=path, frame=np.nan)).values()
        assert ("mid_skull" in str(report)) == said


def test_a_site_is_read_back_and_what_is_none_is_refused(tmp_path):
    path, model = tmp_path / "site.json", tmp_path / "model.onnx"
    model.write_bytes(b"a model")
    site = calibrate_to_site(site_pairs(), 0.9)
    path.write_text(site.model_dump_json())
    assert read_site(path, model) == site and read_site("", model) is None
    assert read_site("mid_skull", model).convention == "mid_skull"
    refused = {
        "no.json": None,
        "no_site.json": "{}",
        "other_model.json": site.model_copy(update={"model_sha256": "0" * 64}).model_dump_json(),
        "at_home.json": calibrate_to_site(site_pairs(bpd=1.0), 0.9).model_dump_json(),
    }
    for name, text in refused.items():
        if text is not None:
            (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match=name) as error:
            read_site(tmp_path / name, model)
        assert "\n" not in str(error.value)


def test_images_are_measured_by_a_site_from_python_and_the_terminal(tmp_path, capsys):
    (phantom,) = plan_phantoms(1, seed=3)
    image, options = draw_phantom(phantom), {"pixel_size_mm": 0.15, "growth_chart": "hadlock"}
    plain, moved = (measure_images([image], site=site, **options).iloc[0] for site in ("", "outer_to_inner"))
    assert moved["bpd_mm"] == pytest.approx(CONVENTIONS["outer_to_inner"].bpd.factor * plain["bpd_mm"], abs=2e-3)
    ages = ["age_weeks_hc", "age_weeks_bpd", "cephalic_index"]
    assert list(moved[ages]) == list(plain[ages]) and np.isfinite(plain["age_weeks_hc"])
    assert "convention" not in plain and moved["convention"] == "outer_to_inner"
    path = tmp_path / "head.png"
    cv2.imwrite(str(path), image)
    main([str(path), "--site", "outer_to_inner"])
    assert "outer_to_inner" in capsys.readouterr().out.splitlines()[-1]
    with pytest.raises(SystemExit, match=r"nowhere\.json"):
        main([str(path), "--site", "nowhere.json"])


def test_the_page_has_the_conventions_as_they_are():
    """The row of `outer_to_inner` begins ``| `outer_to_inner` | 0.962 (0.960-0.965) | 1 | 117 |``."""
    page = (Path(__file__).parents[2] / "docs" / "site.md").read_text(encoding="utf-8")
    for name, site in CONVENTIONS.items():
        cells = [
            "1" if one.refused else f"{one.factor:.3f} ({one.low:.3f}-{one.high:.3f})" for one in (site.bpd, site.ofd)
        ]
        assert f"| `{name}` | {cells[0]} | {cells[1]} | {site.bpd.n} |" in page


# ---- the workflow


@pytest.mark.slow
def test_a_site_is_calibrated_and_measured_by_the_workflow(copy_workflow, tmp_path):
    """The site's BPD is 6 % longer than the phantoms', whose long axes the model finds within 2 %."""
    house = copy_workflow(tmp_path)
    (tmp_path / "heads").mkdir()
    rows = []
    for number, phantom in enumerate(plan_phantoms(12, seed=3)):
        cv2.imwrite(str(tmp_path / "heads" / f"{number:02}.png"), draw_phantom(phantom))
        rows.append([f"{number:02}.png", 2 * 1.06 * phantom.semi_short_px, 2 * phantom.semi_long_px])
    write(tmp_path / "lengths.csv", ELLIPSE, *rows)
    settings = ("--config", "images=heads", "shards=1", "growth_chart=hadlock", "pixel_sizes=0.15", "overlays=false")
    house.snakemake("calibrate_site", *settings, "site_lengths=lengths.csv")
    site = Site.model_validate_json((tmp_path / "results" / "images" / "site.json").read_text())
    assert site.bpd.factor == pytest.approx(1.06, abs=0.02) and site.ofd.refused and site.bpd.n == 12
    plain = pd.read_csv(tmp_path / "results/images/work/given_model/predictions.csv")
    measured = ("measure", *settings, "site=results/images/site.json")
    assert "predict_landmarks" not in house.ran(*measured)
    moved = pd.read_csv(tmp_path / "results" / "images" / "predictions.csv")
    assert moved["bpd_mm"].to_numpy() == pytest.approx(site.bpd.factor * plain["bpd_mm"].to_numpy(), abs=2e-3)
    assert np.array_equal(moved["age_weeks_hc"], plain["age_weeks_hc"], equal_nan=True)
    assert 'id="site-convention"' in (tmp_path / "results" / "images" / "report.html").read_text(encoding="utf-8")
    metrics = json.loads((tmp_path / "results" / "images" / "metrics.json").read_text())
    assert metrics["model"]["bpd_factor"] == site.bpd.factor
    assert house.planned(*measured) == {}


# ---- other hospitals


def compared(folder: Path, names: list[str], points: np.ndarray, tmp_path: Path) -> Pairs:
    """What the pretrained model finds in images beside what their site drew, by way of a site's table."""
    rows = [[name, *one.ravel()] for name, one in zip(names, points, strict=True)]
    heads = read_site_table(write(tmp_path / "lengths.csv", COLUMNS, *rows))
    pairs, without = pair(heads, measure_images([folder / name for name in names]).set_index("image_name"))
    assert not without
    return pairs


@pytest.fixture(scope="module")
def external(real_data):
    if not (real_data / "external" / "african_planes" / "index.csv").is_file():
        pytest.skip(f"no images of other hospitals in {real_data}")
    return real_data / "external"


@pytest.fixture(scope="module")
def uganda(external, tmp_path_factory):
    index = pd.read_csv(external / "african_planes" / "index.csv")
    index = index[index["ellipse_major_px"].notna() & index["duplicate_of"].isna() & index["near_duplicate_of"].isna()]
    folder = external / "african_planes" / "images"
    return compared(folder, list(index["image_name"]), points_of(index), tmp_path_factory.mktemp("uganda"))


@pytest.fixture(scope="module")
def barcelona(external, tmp_path_factory):
    folder = external / "fetal_planes"
    index = pd.read_csv(folder / "index.csv")
    index = index[index["mask"].notna()]
    points = np.stack([fit_annotation(read_grey(ImageRef(folder / "masks" / name))) for name in index["mask"]])
    return compared(folder / "images", list(index["image_name"]), points, tmp_path_factory.mktemp("barcelona"))


@pytest.mark.slow
def test_the_difference_of_uganda_falls_and_the_intervals_hold(uganda):
    site = calibrate_to_site(uganda, 0.9)
    hc = site.leave_one_out["hc"]
    assert (hc.n, hc.after <= 0.020, hc.before - hc.after > 0.004) == (25, True, True), hc
    assert all(fit.held_after >= 20 for fit in site.leave_one_out.values())
    known = CONVENTIONS["outer_to_outer_scalp"].bpd
    assert known.low - 0.005 < site.bpd.estimate < known.high + 0.005


@pytest.mark.slow
def test_the_difference_to_barcelona_s_masks_falls_and_shuffled_they_are_refused(barcelona):
    hc = calibrate_to_site(barcelona, 0.9).leave_one_out
    assert (hc["hc"].n, hc["hc"].after <= 0.022) == (24, True), hc
    assert all(fit.held_after >= 20 for fit in hc.values())
    for seed in range(30):
        order = np.random.default_rng(seed).permutation(24)
        for i in (0, 1):
            assert choose_factor(barcelona.found[:, i], barcelona.given[order, i]).refused, seed
