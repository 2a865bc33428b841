"""The page of a run without labels: what its first screen says, and a review by mouse, keyboard and touch."""

import csv
import io
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from axe import assert_readable, on_every_screen
from conftest import HOSTILE_NAME, made_up_run
from reading import texts_by_id

from fetal_biometry.measure.corrections import apply_corrections, content_marks, read_corrections
from fetal_biometry.measure.lengths import outer_lengths
from fetal_biometry.model.geometry import all_lengths
from fetal_biometry.report import measuring_page as measuring
from fetal_biometry.report.pictures import picture_addresses
from fetal_biometry.report.wording import number, signed
from fetal_biometry.terms import COLUMNS, LENGTHS, SECOND_COLUMNS

MODELS = Path(__file__).parents[2] / "resources" / "models"
FIGURES = json.loads((MODELS / "hc18.json").read_text(encoding="utf-8"))
FACTOR, OFFSET = 1.027318, 0.555934  # of an outer-to-outer BPD over an outer-to-inner one, Wong et al. 2018
NO_HEAD, NO_SIZE = "002_HC.png", "005_HC.png"


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> measuring.MeasuringInputs:
    """40 images in pairs of an examination, of which one has no head and one no pixel size; BPD outer-to-inner."""
    folder = tmp_path_factory.mktemp("measured")
    report = made_up_run(folder, n=40, unit="mm", labelled=False)
    table, images = report.predictions.copy(), report.images.copy()
    lengths = [f"{length}_{unit}{end}" for length in LENGTHS for unit in ("px", "mm") for end in ("", "_low", "_high")]
    table.loc[NO_HEAD, [*COLUMNS, *lengths, "confidence"]] = np.nan
    table.loc[NO_HEAD, "flags"] = "no head found"
    table.loc[NO_SIZE, [column for column in table if "_mm" in column]] = np.nan
    table.loc[NO_SIZE, "flags"] = "no pixel size"
    images.loc[NO_SIZE, "pixel_size_mm"] = np.nan
    model = report.metrics["model"] | {"calliper": "outer_to_inner"}
    metrics = report.metrics | {"model": model, "images_seen": []}
    large, small = picture_addresses(table.join(images[["path", "frame"]]), folder / "pictures")
    settings = {"images": "scans", "overlays": True, "show_whole_frames": False}
    report = replace(report, predictions=table, images=images, metrics=metrics, overlays=large, settings=settings)
    return measuring.MeasuringInputs(
        report, measuring.GivenModel("hc18.onnx", "a431c07cd13e", FIGURES), small, "2026-01-02", "0.1.0"
    )


def changed(run: measuring.MeasuringInputs, **tables) -> measuring.MeasuringInputs:
    return replace(run, report=replace(run.report, **tables))


def said(run: measuring.MeasuringInputs) -> dict[str, str]:
    return texts_by_id(measuring.render_measuring_page(run))


@pytest.fixture(scope="module")
def measured_page(run, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("alone") / "report.html"
    path.write_text(measuring.render_measuring_page(run), encoding="utf-8")
    return path


def test_the_first_line_counts_what_is_fine_to_check_and_without_a_pixel_size(run):
    table = run.report.predictions
    doubted = table["flags"].str.contains("low confidence|no head")
    check, no_size = int(doubted.sum()), 1
    fine = len(table) - check - int(~doubted[NO_SIZE])
    found = said(run)
    assert re.findall(r"\d+", found["counts"]) == [str(n) for n in (40, fine, check, no_size)]
    assert "1 image" in found["no-pixel-sizes"]
    assert len(re.findall(r'<figure data-name="', measuring.render_measuring_page(run))) == measuring.MOST_SHOWN
    without = said(changed(run, predictions=table.assign(flags=""), quarantine=run.report.quarantine))
    assert re.findall(r"\d+", without["counts"]) == ["40", "38", "1", "1"]  # without a length it is still to check
    rejected = table.assign(flags="", review="").copy()
    rejected.loc[NO_HEAD, "review"] = "rejected"
    found = said(changed(run, predictions=rejected))
    assert re.findall(r"\d+", found["counts"]) == ["40", "38", "0", "1"]  # and then none that is fine


def test_a_corrected_head_is_to_check_while_its_pixel_size_is_doubted(run):
    table = run.report.predictions.assign(flags="", review="")
    table.loc[["004_HC.png", "005_HC.png"], "review"] = "corrected", "accepted"
    before = said(changed(run, predictions=table))["counts"]
    table.loc[["004_HC.png", "005_HC.png"], "flags"] = "pixel size contradicted"
    counts = [
        [int(n) for n in re.findall(r"\d+", text)] for text in (before, said(changed(run, predictions=table))["counts"])
    ]
    assert np.diff(counts, axis=0)[0].tolist() == [0, -1, 1, 0]


def test_the_error_to_expect_is_the_card_s_by_head_size(run):
    found = said(run)["expected"]
    tested, folded = FIGURES["splits"]["test"], FIGURES["out_of_fold"]["hc_over_200"]
    for group in (tested["hc_under_120"], tested["hc_120_200"], folded):
        errors = " ".join(number(group[length]["mae"]) for length in ("bpd", "ofd", "hc"))
        assert f"n = {group['n']} {errors}" in found
    assert said(replace(run, model=measuring.GivenModel("other.onnx", "0")))["expected"].count("n =") == 0


def test_images_that_trained_the_model_are_named_and_do_not_judge_it(run):
    images = run.report.images.copy()
    ours, generator = run.report.predictions["hc_mm"], np.random.default_rng(1)
    images["reference_hc_mm"] = ours - 2 + generator.normal(0, 1, len(images))
    trained = ["000_HC.png", "001_HC.png"]
    images.loc[trained, "reference_hc_mm"] += 500
    metrics = run.report.metrics | {"images_seen": trained}
    found = said(changed(run, images=images, metrics=metrics))
    assert found["seen"].startswith("2 ") and all(name in found["expected"] for name in trained)
    differences = (ours - images["reference_hc_mm"]).drop(trained).dropna()
    bias, spread = differences.mean(), 1.96 * differences.std()
    wanted = f"HC {len(differences)} {signed(bias)} {signed(bias - spread)} to {signed(bias + spread)}"
    assert wanted in found["yours-table"] and len(differences) == 36
    largest = (differences.abs() / images["reference_hc_mm"]).nlargest(3).index
    assert [name in found["largest"] for name in largest] == [True] * 3
    assert "yours" not in said(run) or "yours-table" not in said(run)


def test_a_second_head_is_drawn_beside_the_first(run):
    table = run.report.predictions.copy()
    points = (table.loc["004_HC.png", list(COLUMNS)] + 20).to_numpy()
    table.loc["004_HC.png", list(SECOND_COLUMNS)] = points
    page = measuring.render_measuring_page(changed(run, predictions=table))
    assert page.count('<g class="second">') >= 1 and measuring.render_measuring_page(run).count('class="second"') == 0
    assert f'data-second="{" ".join(f"{value:.1f}" for value in points)}"' in page


def test_images_that_are_all_of_one_examination_are_said_to_be(run):
    assert "only-examination" not in said(run)
    one = replace(run.report, images=run.report.images.assign(examination="IM"))
    assert "IM" in said(replace(run, report=one))["only-examination"]


def test_an_examination_has_the_median_and_spread_of_its_images(run):
    table = run.report.predictions
    pair = table.loc[["000_HC.png", "000_2HC.png"], "hc_mm"]
    row = re.search(r"000 2 ([\d. spread]+)", said(run)["examination-table"])[1].split()
    assert row[6] == number(pair.median(), 1) and row[8] == number(pair.max() - pair.min(), 1)


def test_the_page_says_where_its_pictures_are(run):
    assert {"in-folder", "whole-frames"}.isdisjoint(said(run))
    report = run.report
    n = 622
    names = [f"{i:03d}_HC.png" for i in range(n)]
    many = {
        name: pd.concat([getattr(report, name).head(1)] * n).assign(image_name=names).set_axis(names)
        for name in ("predictions", "images")
    }
    addresses = {name: f"pictures/{name}.jpg" for name in names}
    settings = report.settings | {"show_whole_frames": True}
    large = replace(changed(run, **many, overlays=addresses, settings=settings), thumbnails=addresses)
    assert {"in-folder", "whole-frames"} <= said(large).keys()
    html = measuring.render_measuring_page(large)
    assert len(html.encode()) < 1_000_000 and "base64" not in html


VIEW = "document.querySelector('#viewer-frame svg')"
COUNT = "document.getElementById('review-count').textContent"


def cell(name: str, length: str) -> str:
    return f"document.querySelector('tr[data-name=\"{name}\"] [data-length={length}]').firstChild.textContent"


def point_of(browser, end: int) -> tuple[float, float]:
    box = browser.run(
        f"(() => {{ const b = {VIEW}.querySelector('[data-end=\"{end}\"] circle:not(.reach)').getBoundingClientRect();"
        "return [b.x + b.width / 2, b.y + b.height / 2]; })()"
    )
    return box[0], box[1]


def value(name: str, length: str) -> str:
    """The number behind the cell's text, which has one decimal."""
    return f"Number(document.querySelector('tr[data-name=\"{name}\"] [data-length={length}]').dataset.value)"


def open_row(browser, name: str) -> None:
    browser.run(f"document.querySelector('tr[data-name=\"{name}\"] .zoom').click()")


def test_a_dragged_end_changes_the_lengths_as_geometry_says(browser, measured_page, run):
    name = "003_HC.png"
    row = run.report.predictions.loc[name]
    browser.open(measured_page, width=1400, height=1000)
    open_row(browser, name)
    scale = browser.run(f"{VIEW}.getScreenCTM().a")
    x, y = point_of(browser, 1)
    mouse = browser.page.mouse
    mouse.move(x + 3, y - 2)  # an end is held where it is touched
    mouse.down()
    mouse.move(x + 3 + 20 * scale, y - 2)
    mouse.up()
    points = row[list(COLUMNS)].to_numpy(float).reshape(4, 2) + [[0, 0], [20, 0], [0, 0], [0, 0]]
    size = row["pixel_width_mm"]
    wanted = outer_lengths(points[None], np.array([[size, size]]), "outer_to_inner")[0]
    for length, mm in zip(LENGTHS, wanted, strict=True):
        assert browser.run(value(name, length)) == pytest.approx(mm, abs=0.1 * size)
        assert float(browser.run(cell(name, length))) == pytest.approx(browser.run(value(name, length)), abs=0.051)
    assert wanted[1] - row["ofd_mm"] > 5 * size  # the drag changes it
    assert browser.run(f"document.querySelector('tr[data-name=\"{name}\"]').dataset.reviewed") == "corrected"
    x, y = point_of(browser, 1)
    assert browser.run(f"({VIEW}.getScreenCTM().inverse().a)") == pytest.approx(1 / scale)
    browser.page.keyboard.press("u")
    assert float(browser.run(cell(name, "ofd"))) == pytest.approx(row["ofd_mm"], abs=0.06)


def test_an_end_is_moved_by_keys_in_pixels_where_no_size_is_known(browser, measured_page, run):
    row = run.report.predictions.loc[NO_SIZE]
    browser.open(measured_page)
    open_row(browser, NO_SIZE)
    for key in ("c", "c", "Shift+ArrowRight", "ArrowUp"):
        browser.press(key)
    points = row[list(COLUMNS)].to_numpy(float).reshape(4, 2) + [[0, 0], [10, -1], [0, 0], [0, 0]]
    shown = [browser.run(cell(NO_SIZE, length)) for length in LENGTHS]
    assert [float(text.removesuffix(" px")) for text in shown] == pytest.approx(all_lengths(points), abs=0.06)
    assert all(text.endswith(" px") for text in shown)


def test_a_rejected_image_shows_no_head(browser, run, tmp_path):
    table = run.report.predictions.copy()
    table.loc["004_HC.png", list(SECOND_COLUMNS)] = (table.loc["004_HC.png", list(COLUMNS)] + 20).to_numpy()
    path = tmp_path / "report.html"
    path.write_text(measuring.render_measuring_page(changed(run, predictions=table)), encoding="utf-8")
    browser.open(path)
    open_row(browser, "004_HC.png")
    drawn = "document.querySelectorAll('#viewer-frame g:is(.prediction, .second)').length"
    assert browser.run(drawn) == 2
    for key, heads in (("r", 0), ("u", 2)):
        browser.press(key)
        open_row(browser, "004_HC.png")
        assert browser.run(drawn) == heads


def test_ages_of_a_head_that_is_moved_are_no_longer_shown(browser, run, tmp_path):
    """One was corrected before this run, which then gave its age; the other is as the model found it."""
    table = run.report.predictions.assign(age_weeks_hc=20.5)
    table.loc["004_HC.png", "review"] = "corrected"
    settings = run.report.settings | {"growth_chart": "hadlock"}
    path = tmp_path / "report.html"
    page = measuring.render_measuring_page(changed(run, predictions=table, settings=settings))
    path.write_text(page, encoding="utf-8")
    browser.open(path)
    for name in ("003_HC.png", "004_HC.png"):
        age = f"document.querySelector('tr[data-name=\"{name}\"] [data-measured]').textContent"
        assert browser.run(age) == "20.5"
        open_row(browser, name)
        for key in ("c", "ArrowRight"):
            browser.press(key)
        assert browser.run(age) == "–"
        browser.run("document.getElementById('viewer').close()")


def test_ten_images_are_reviewed_with_the_keyboard_alone_saved_and_kept(browser, measured_page, run, tmp_path):
    browser.open(measured_page)
    for _ in range(40):
        browser.press("Tab")
        if browser.run("document.activeElement.id") == "review-start":
            break
    browser.press("Enter")
    for _ in range(8):
        browser.press("a")
    for key in ("c", "ArrowLeft", "a", "m", *"=, bad", "Escape", "r", "Escape"):
        browser.press(key)
    assert re.match("10 of 40", browser.run(COUNT))
    with browser.page.expect_download() as download:
        browser.run("document.getElementById('review-save').focus()")
        browser.press("Enter")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    lines = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    assert sorted(line["status"] for line in lines) == ["accepted"] * 8 + ["corrected", "rejected"]
    assert next(line for line in lines if line["status"] == "rejected")["comment"] == "'=, bad"
    assert {line["model"] for line in lines} == {"hc18.onnx a431c07cd13e"}
    marks = content_marks(run.report.images)
    assert {line["image_name"]: line["content"] for line in lines} == dict(
        marks[[line["image_name"] for line in lines]]
    )
    assert {line["convention"] for line in lines} == {""}
    state = """[...document.querySelectorAll('#image-table tbody tr')].map((row) => [row.dataset.name,
        row.dataset.reviewed, ...[...row.querySelectorAll('.n, .review')].map((cell) => cell.textContent)])"""
    kept = browser.run(state)
    browser.page.reload()
    assert browser.run(state) == kept and sum(row[1] == "accepted" for row in kept) == 8
    browser.open(measured_page)  # another browser, which knows of no review
    assert re.match("0 of 40", browser.run(COUNT))
    browser.page.set_input_files("#review-file", path)
    browser.page.wait_for_function(f"{COUNT}.startsWith('10 of 40')")
    assert browser.run(state) == kept
    after = apply_corrections(run.report.predictions, run.report.images, read_corrections(path), "outer_to_inner")
    assert after["review"].value_counts().to_dict() == {"": 30, "accepted": 8, "corrected": 1, "rejected": 1}
    name = after.index[after["review"] == "corrected"][0]
    again = tmp_path / "again.html"
    again.write_text(measuring.render_measuring_page(changed(run, predictions=after)), encoding="utf-8")
    shown = browser.run(cell(name, "hc"))
    browser.open(again)
    assert browser.run(cell(name, "hc")) == shown != number(run.report.predictions.loc[name, "hc_mm"], 1)
    assert re.match("10 of 40", browser.run(COUNT))
    waiting = """(() => { const field = document.getElementById('filter-reviewed'); field.value = '!';
        field.dispatchEvent(new Event('input'));
        return document.querySelectorAll('#image-table tbody tr:not([hidden])').length; })()"""
    assert browser.run(waiting) == 30


def test_a_file_loads_what_fits_the_page_and_says_how_much(browser, measured_page, run, tmp_path):
    """As a spreadsheet may save it, with semicolons, decimal commas and a byte order mark; three rows of nine fit."""
    head = dict(zip(COLUMNS, (100.75, 135.5, 300.25, 135.5, 200, 60, 200, 210), strict=True))
    columns = ["image_name", *COLUMNS, "status", "who", "when", "comment", "content", "convention"]
    found, marks = run.report.predictions[list(COLUMNS)].round(2), content_marks(run.report.images)
    rows = [
        {"image_name": "003_HC.png", **head, "status": "corrected", "comment": 'both "ends"; moved\nby hand',
         "content": marks["003_HC.png"]},
        {"image_name": "004_HC.png", "status": "rejected", "comment": "'=1+1"},
        {"image_name": HOSTILE_NAME, **found.loc[HOSTILE_NAME], "status": "accepted",
         "comment": "<img src=x onerror=window.pwned=5>"},
        {"image_name": "006_HC.png", **head, "ofd_2_x": 1300, "status": "corrected"},  # outside of the image
        {"image_name": "another.png", **head, "status": "corrected"},
        {"image_name": "007_HC.png", **head, "status": "corrected", "content": "sha256:ba9876543210"},
        {"image_name": "007_2HC.png", **head, "status": "corrected", "content": marks["007_2HC.png"],
         "convention": "mid_skull"},
        {"image_name": "008_HC.png", **head, "status": "accepted"},
        {"image_name": "009_HC.png", "status": "accepted"},
    ]  # fmt: skip
    path = tmp_path / "corrections.csv"
    pd.DataFrame(rows, columns=columns).to_csv(path, sep=";", decimal=",", index=False, encoding="utf-8-sig")
    browser.open(measured_page)
    browser.page.set_input_files("#review-file", path)
    browser.page.wait_for_function(f"{COUNT}.startsWith('3 of 40')")
    numbers = ["1", "1", "1", "1", "2"]  # outside, no image, another image, another convention, other lengths
    assert re.findall(r"\d+", browser.run(COUNT)) == ["3", "40", "3", "9", *numbers]
    size = browser.run("Number(document.querySelector('tr[data-name=\"003_HC.png\"]').dataset.pixel.split(' ')[0])")
    assert browser.run(value("003_HC.png", "ofd")) == pytest.approx(199.5 * size)
    comments = browser.run("[...document.querySelectorAll('.review small')].map((small) => small.textContent)")
    assert sorted(comments) == sorted(['both "ends"; moved\nby hand', "=1+1", rows[2]["comment"]])
    assert browser.run("window.pwned") is None and browser.messages == []


def test_only_the_model_s_own_head_can_be_accepted(browser, run, tmp_path):
    """A page of corrected results does not show what the model measured in images that a person corrected."""
    table = run.report.predictions.assign(review="")
    came = {"003_HC.png": "corrected", "004_HC.png": "rejected", "006_HC.png": "accepted"}
    table.loc[list(came), "review"] = list(came.values())
    table.loc["004_HC.png", list(COLUMNS)] = np.nan
    metrics = run.report.metrics | {"model": run.report.metrics["model"] | {"convention": "mid_skull"}}
    metrics["model"] |= {"bpd_factor": 0.98, "ofd_factor": 0.97}
    path = tmp_path / "report.html"
    path.write_text(measuring.render_measuring_page(changed(run, predictions=table, metrics=metrics)), encoding="utf-8")
    browser.open(path)
    for name in (*came, "007_HC.png"):
        for key in ("r", "u", "a"):
            open_row(browser, name)
            browser.press(key)
    open_row(browser, "008_HC.png")
    for key in ("m", "x"):
        browser.press(key)
    with browser.page.expect_download() as download:
        browser.run("document.getElementById('review-save').click()")
    download.value.save_as(tmp_path / "corrections.csv")
    assert browser.run(COUNT).endswith(": 1")  # comment without a decision
    rows = read_corrections(tmp_path / "corrections.csv")
    status = {name: row["status"] for name, row in rows.items()}
    assert status == {"003_HC.png": "corrected", "006_HC.png": "accepted", "007_HC.png": "accepted"}
    assert {row["convention"] for row in rows.values()} == {"mid_skull"}


def test_the_longer_diameter_is_the_ofd_as_in_the_results(browser, measured_page, run):
    row = run.report.predictions.loc["003_HC.png"]
    browser.open(measured_page)
    open_row(browser, "003_HC.png")
    for key in ("c", *["Shift+ArrowRight"] * 12):
        browser.press(key)
    head = row[list(COLUMNS)].to_numpy(float).reshape(4, 2) + [[120, 0], [0, 0], [0, 0], [0, 0]]
    long, short = all_lengths(head)[:2]
    assert long > short
    lengths = np.array([OFFSET + FACTOR * short * row["pixel_width_mm"], long * row["pixel_width_mm"]])
    shown = [browser.run(value("003_HC.png", length)) for length in ("bpd", "ofd")]
    assert shown == pytest.approx(lengths, abs=0.02)


def test_an_image_without_a_head_can_be_given_one(browser, measured_page):
    browser.open(measured_page)
    open_row(browser, NO_HEAD)
    assert browser.run(f"{VIEW}.querySelectorAll('.handle').length") == 0
    browser.press("c")
    assert browser.run(f"{VIEW}.querySelectorAll('.handle').length") == 4
    assert float(browser.run(cell(NO_HEAD, "ofd")).split()[0]) > 0


def test_a_finger_drags_zooms_and_decides(browser, measured_page, run):
    browser.open(measured_page, width=390, height=844)
    open_row(browser, "003_HC.png")
    touch = browser.page.context.new_cdp_session(browser.page)

    def put(kind, *fingers):
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(fingers)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    (x, y), scale = point_of(browser, 3), browser.run(f"{VIEW}.getScreenCTM().a")
    put("touchStart", (x, y))
    put("touchMove", (x, y + 10 * scale))
    put("touchEnd")
    row = run.report.predictions.loc["003_HC.png"]
    points = row[list(COLUMNS)].to_numpy(float).reshape(4, 2) + [[0, 0], [0, 0], [0, 0], [0, 10]]
    bpd = OFFSET + FACTOR * all_lengths(points)[0] * row["pixel_width_mm"]
    assert float(browser.run(cell("003_HC.png", "bpd"))) == pytest.approx(bpd, abs=0.1 * row["pixel_width_mm"] + 0.05)
    browser.run("document.querySelector('[data-do=undo]').click()")
    put("touchStart", (20, 60))
    put("touchStart", (20, 60), (120, 60))
    put("touchMove", (20, 60), (220, 60))
    put("touchEnd")
    assert float(browser.run(f"{VIEW}.getAttribute('viewBox')").split()[2]) == pytest.approx(200, rel=0.02)
    browser.run("document.querySelector('[data-do=fit]').click()")
    browser.run("document.querySelector('[data-do=larger]').click()")
    width = float(browser.run(f"{VIEW}.getAttribute('viewBox')").split()[2])
    assert width == pytest.approx(400 / 1.4)
    for action in ("accept", "previous"):
        browser.run(f"document.querySelector('[data-do={action}]').click()")
    assert browser.run("document.getElementById('review-status').textContent") == "accepted"
    buttons = browser.run("""[...document.querySelectorAll('#viewer button')].filter((b) => b.checkVisibility())
        .map((b) => b.getBoundingClientRect()).filter((b) => b.right > innerWidth || b.bottom > innerHeight).length""")
    assert buttons == 0


def test_the_page_alone_asks_for_nothing_and_shows_every_picture(browser, measured_page, tmp_path):
    page = Path(shutil.copy(measured_page, tmp_path))
    browser.open(page, width=1400, height=1000)
    assert browser.messages == [] and browser.run("window.pwned") is None
    assert [address for address in browser.requests if not address.startswith("data:")] == [page.as_uri()]
    row, *_ = browser.run(
        "[...document.querySelectorAll('tr[data-name]')].map((row) => row.dataset.picture.slice(0, 15))"
    )
    assert row == "data:image/jpeg"
    shown = browser.run(
        "[...document.querySelectorAll('#to-check .thumbnail img')].filter((i) => i.naturalWidth).length"
    )
    assert shown == measuring.MOST_SHOWN
    assert browser.run("document.querySelector('#expected').getBoundingClientRect().bottom < innerHeight")


@on_every_screen
def test_axe_finds_nothing_serious(browser, measured_page, scheme, width):
    assert_readable(browser, measured_page, scheme, width, opens='tr[data-name="003_HC.png"] .zoom')


def test_a_page_without_pictures_has_its_table_and_no_review(browser, run, tmp_path):
    page = tmp_path / "report.html"
    plain = replace(changed(run, overlays={}), thumbnails={})
    page.write_text(measuring.render_measuring_page(plain), encoding="utf-8")
    browser.open(page)
    assert browser.messages == [] and browser.run("document.querySelectorAll('#image-table tbody tr').length") == 40
    assert browser.run("document.querySelectorAll('#review-start, .zoom, .thumbnail').length") == 0
    assert len(page.read_bytes()) < 150_000


def test_forty_images_are_printed_on_eight_pages_at_most(browser, measured_page):
    browser.open(measured_page)
    pages = re.findall(rb"/Type\s*/Page\b", browser.page.pdf(format="A4"))
    assert 1 < len(pages) <= 8
