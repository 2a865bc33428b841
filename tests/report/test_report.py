"""The report: what it says, that it is complete in itself, and how it behaves in a browser."""

import copy
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from axe import serious_findings

import render_report
from fetal_biometry.errors import InputError
from fetal_biometry.frames import points_of
from fetal_biometry.measure.growth import read_lengths
from fetal_biometry.model.geometry import all_lengths
from fetal_biometry.model.landmarks import COLUMNS
from fetal_biometry.report import figures, overlays, plots, report, wording


def words(html: str) -> str:
    """A page's text without script, style and tags, its blanks made single."""
    return re.sub(r"\s+", " ", re.sub(r"<(script|style)>.*?</\1>|<[^>]+>", " ", html, flags=re.DOTALL))


@pytest.mark.parametrize(
    "value, text",
    [
        (1.234, "1.23"),
        (12.34, "12.3"),
        (-0.5, "−0.50"),
        (-0.001, "0.00"),
        (9.996, "10.0"),
        (np.nan, "–"),
        (None, "–"),
    ],
)
def test_numbers_are_written_with_a_true_minus(value, text):
    assert wording.number(value) == text


def test_signs_factors_and_durations():
    assert [wording.signed(v) for v in (1.0, -1.0, 0.0, 0.001, None)] == [
        "+1.00",
        "−1.00",
        "0.00",
        "0.00",
        "–",
    ]
    assert wording.factor({"mae": 2.0, "constant_mae": 30.0}) == "15×"
    assert wording.factor({"mae": 2.0, "constant_mae": 5.0}) == "2.5×"
    assert wording.factor({"mae": 2.0, "constant_mae": None}) == ""
    assert [wording.duration(s) for s in (9.4, 333.3, 7260)] == ["9 s", "5 min 33 s", "2 h 1 min"]


@pytest.mark.parametrize("low, high", [(0, 1), (-3.3, 8.9), (1e-4, 3e-4), (0, 0.07), (44, 346)])
def test_ticks_are_round_and_inside(low, high):
    ticks = plots.nice_ticks(low, high)
    step = np.diff(ticks)
    assert 2 <= len(ticks) <= 6
    assert np.allclose(step, step[0])
    assert ticks[0] >= low - 1e-9 and ticks[-1] <= high + 1e-9
    assert f"{step[0]:.0e}"[0] in "125"


def test_errors_agree_with_the_landmarks(labelled_run):
    rows = report.measured_rows(labelled_run).set_index("image_name")
    name = "003_HC.png"
    manifest = labelled_run.manifest.loc[name]
    predicted = all_lengths(labelled_run.predictions.loc[name, list(COLUMNS)].to_numpy(float).reshape(4, 2))
    truth = all_lengths(manifest[list(COLUMNS)].to_numpy(float).reshape(4, 2))
    for i, length in enumerate(("bpd", "ofd", "hc")):
        error = (predicted - truth)[i]
        assert rows.loc[name, f"{length}_error"] == pytest.approx(error * manifest["pixel_size_mm"])
        assert rows.loc[name, f"{length}_relative"] == pytest.approx(error / truth[i])


def test_a_missing_pixel_size_gives_pixels_for_that_image_alone(labelled_run):
    manifest = labelled_run.manifest.copy()
    manifest.loc["003_HC.png", "pixel_size_mm"] = np.nan
    metrics = labelled_run.metrics | {"unit": "px"}
    inputs = replace(labelled_run, manifest=manifest, metrics=metrics)
    rows = report.measured_rows(inputs).set_index("image_name")
    assert rows.loc["003_HC.png", "unit"] == "px"
    assert rows.loc["003_HC.png", "hc_shown"] == pytest.approx(labelled_run.predictions.loc["003_HC.png", "hc_px"])
    assert rows.loc["004_HC.png", "hc_shown"] == pytest.approx(labelled_run.predictions.loc["004_HC.png", "hc_mm"])
    text = words(report.render_report(inputs))
    assert "Some pixel sizes are missing" in text
    assert "(px where the pixel size is unknown)" in text


def test_first_screen_gives_error_constant_and_labels_left_out(labelled_run, page):
    text = words(page.read_text(encoding="utf-8"))
    hc = labelled_run.metrics["splits"]["test"]["all"]["hc"]
    labels = labelled_run.metrics["labels"]
    assert f"{wording.number(hc['mae'])} mm mean absolute error, n = {hc['n']}" in text
    assert f"{wording.factor(hc)} smaller than the mean landmark’s" in text
    distrusted = labels["suspect"] + labels.get("doubtful", 0)
    assert f"{distrusted} of {labels['labelled']} labels were left out" in text
    assert f"Suspect labels left out: {labels['suspect']} of {labels['labelled']}" in text
    assert "Landmark names were swapped" in text
    assert "Research use only. Not a medical device" in text


def test_images_put_aside_are_told_first_and_listed_with_their_reasons(labelled_run, unlabelled_run, browser, page):
    text = words(page.read_text(encoding="utf-8"))
    assert "2 images could not be used and were put aside" in text
    assert "images/900_HC.png: not a readable image; replace or remove it." in text
    assert "put aside" not in words(report.render_report(unlabelled_run))
    browser.open(page, width=390, height=844)
    assert browser.run("document.querySelector('a[href=\"#quarantine\"]').getBoundingClientRect().bottom < innerHeight")
    assert browser.run("document.querySelector('#quarantine table').checkVisibility()")


def test_the_interval_stands_by_the_headline_and_in_the_table(labelled_run, page):
    hc = labelled_run.metrics["splits"]["test"]["all"]["hc"]
    interval = f"{wording.number(hc['mae_low'])}–{wording.number(hc['mae_high'])}"
    text = words(page.read_text(encoding="utf-8"))
    assert f"n = {hc['n']} 95 % interval {interval}" in text
    assert f"{wording.number(hc['mae'])} {interval} {wording.number(hc['median'])}" in text


def test_model_and_labels_stand_against_the_independent_reference(labelled_run, page):
    html = page.read_text(encoding="utf-8")
    summary, reference = (html.split(f'<section id="{name}">')[1] for name in ("summary", "reference"))
    assert html.index('<section id="reference">') < html.index('<section id="run">')
    assert words(summary.split("</section>")[0]).count("Independent reference") == 3
    assert "labels’ own: 11.2 mm" in words(summary)
    table = words(reference.split("</table>")[0])
    for group in ("all test images", "HC 120–200 mm"):
        assert group in table
    hc = labelled_run.metrics["reference"]["model"]["all"]["hc"]
    assert f"HC {hc['n']} {wording.number(hc['mae'])} {wording.span(hc, 'mae')}" in table


def test_repeats_say_whose_noise_an_error_is(labelled_run, page):
    bpd = labelled_run.metrics["splits"]["test"]["all"]["bpd"]
    said = "BPD 23 0.9 % 0.6 % to 1.2 % 1.6 % 1.1 % to 2.1 %"
    beside = f"0.61 0.42–0.80 {wording.number(bpd['mae'])} {wording.span(bpd, 'mae')}"
    assert f"{said} {beside}" in words(page.read_text(encoding="utf-8"))
    older = {"bpd": {key: value for key, value in labelled_run.metrics["repeats"]["bpd"].items() if "floor" not in key}}
    text = words(report.render_report(replace(labelled_run, metrics=labelled_run.metrics | {"repeats": older})))
    assert said in text and "perfect model" not in text
    without = replace(labelled_run, metrics=labelled_run.metrics | {"repeats": {}})
    assert "Whose noise" not in words(report.render_report(without))


def test_what_is_known_out_of_fold_has_a_section_of_its_own(labelled_run, page):
    test = labelled_run.metrics["splits"]["test"]
    known = {"out_of_fold": test, "reference": {}}
    text = words(report.render_report(replace(labelled_run, metrics=labelled_run.metrics | known)))
    assert f"The {test['all']['n']} images of" in text and text.count("Over 10 % In 90 % interval") == 2
    assert "that taught the model: each" not in words(page.read_text(encoding="utf-8"))
    alone = words(report.render_report(replace(labelled_run, metrics=labelled_run.metrics | known | {"splits": {}})))
    assert "errors out of fold only" in alone and alone.count("Over 10 % In 90 % interval") == 1


def test_errors_by_kind_of_image_stand_in_thirds(labelled_run, page):
    thirds = "Contrast 0.30–0.40 13 1.2 % 0.8 % to 1.7 %"
    assert thirds in words(page.read_text(encoding="utf-8"))
    without = replace(labelled_run, metrics=labelled_run.metrics | {"kinds": {}})
    assert "kind of image" not in words(report.render_report(without))


def test_the_reference_judges_where_no_label_is_sound(labelled_run):
    metrics = labelled_run.metrics | {"splits": {}}
    text = words(report.render_report(replace(labelled_run, metrics=metrics)))
    assert "Independent reference" in text and "Measured, not judged" not in text


def test_metrics_of_older_runs_still_make_a_report(labelled_run):
    metrics = copy.deepcopy(labelled_run.metrics)
    del metrics["calliper"], metrics["reference"], metrics["repeats"], metrics["kinds"]
    for group in metrics["splits"]["test"].values():
        for length in ("bpd", "ofd", "hc"):
            for figure in ("mae", "bias", "coverage", "over_10_percent"):
                del group[length][f"{figure}_low"], group[length][f"{figure}_high"]
    text = words(report.render_report(replace(labelled_run, metrics=metrics)))
    assert "ndependent reference" not in text and "95 % interval" not in text
    assert "mean absolute error, n =" in text


def test_outer_to_inner_labels_are_converted_and_it_says_so(labelled_run, page):
    assert "converted" not in words(page.read_text(encoding="utf-8")).split("What was run")[1].split("Methods")[0]
    inputs = replace(labelled_run, metrics=labelled_run.metrics | {"calliper": "outer_to_inner"})
    plain, converted = (report.measured_rows(run).set_index("image_name") for run in (labelled_run, inputs))
    outer = 0.555934 + 1.027318 * plain.loc["003_HC.png", ["bpd_shown", "bpd_label"]].astype(float)
    assert np.allclose(converted.loc["003_HC.png", ["bpd_shown", "bpd_label"]].astype(float), outer)
    assert converted.loc["003_HC.png", "bpd_error"] == pytest.approx(outer["bpd_shown"] - outer["bpd_label"])
    text = words(report.render_report(inputs))
    assert text.count("BPDoo = 0.5559 + 1.0273 BPDoi") == 2
    assert text.index("BPDoo") < text.index("Content digest")


@pytest.mark.parametrize("policy, said", [("drop", "neither for training"), ("keep", "kept as they are")])
def test_what_became_of_suspects_is_said_as_it_was(labelled_run, policy, said):
    metrics = labelled_run.metrics | {"model": labelled_run.metrics["model"] | {"suspects": policy}}
    text = words(report.render_report(replace(labelled_run, metrics=metrics)))
    assert said in text and ("labels were left out" in text) == (policy == "drop")


def test_doubtful_labels_count_among_those_left_out(labelled_run):
    labels = labelled_run.metrics["labels"] | {"suspect": 0, "doubtful": 2, "labelled": 40}
    text = words(report.render_report(replace(labelled_run, metrics=labelled_run.metrics | {"labels": labels})))
    assert "2 of 40 labels were left out (5.0 %): the audit found 2 doubtful, whose" in text


def test_methods_tell_of_the_gate_where_there_is_one(labelled_run):
    told = {}
    for gate in (True, False):
        model = labelled_run.metrics["model"] | {"closeup": {"looks": 1, "field": 1.3, "finder": {"gate": gate}}}
        told[gate] = words(report.render_report(replace(labelled_run, metrics=labelled_run.metrics | {"model": model})))
    assert "speak against a head" in told[True] and "speak against a head" not in told[False]


def compared(rows):
    """A comparison's table of experiments, their policy on suspects, and by how much they are worse."""
    table = pd.DataFrame(rows, columns=["experiment", "suspects", "hc_worse"]).assign(n=12, pairs=14)
    table["bpd_worse"], table["ofd_worse"] = table["hc_worse"] / 4, table["hc_worse"] / 2
    for length in ("bpd", "ofd", "hc"):
        table[f"{length}_worse_low"] = table[f"{length}_worse"] - 0.5
        table[f"{length}_worse_high"] = table[f"{length}_worse"] + 0.5
    return table.assign(parameters=2_400_000, training_seconds=90.0)


@pytest.mark.parametrize("referenced", [False, True])
def test_experiments_stand_side_by_side_when_asked_for(labelled_run, page, referenced):
    assert "Experiments side by side" not in page.read_text(encoding="utf-8")
    table = compared([("keep", "keep", 2.0), ("heatmap", "drop", 0.0)])
    for number, length in enumerate(("bpd", "ofd", "hc")):
        table[f"{length}_mae_mm"] = [11.0 + number, 1.25 + number]
        if referenced:
            table[f"{length}_mae_reference_mm"] = [15.0 + number, 5.25 + number]
    table["hc_mae_low_mm"], table["hc_mae_high_mm"] = table["hc_mae_mm"] - 0.5, table["hc_mae_mm"] + 0.5
    text = words(report.render_report(replace(labelled_run, comparison=table)))
    section = text.split("Experiments side by side")[1]
    assert "keep kept as they are 13.0 11.0 12.0" in section and "+2.00 +1.50 to +2.50" in section
    assert "heatmap left out 3.25 1.25 2.25" in section
    assert ("17.0 15.0 16.0" in section) == referenced
    worse = "+0.50 0.00 to +1.00 +1.00 +0.50 to +1.50"  # BPD, OFD
    assert f"2.40 1 min 30 s +2.00 +1.50 to +2.50 {worse}" in section and "keep 13.0 mm, 12.5 to 13.5" in section


def test_an_ablation_tells_what_each_step_is_worth(labelled_run):
    table = compared([("reference", "drop", 9.0), ("deep", "drop", 4.0), ("heatmap", "drop", 0.0)])
    for length in ("bpd", "ofd", "hc"):
        table[f"{length}_mae_mm"] = [9.0, 4.0, 1.0]
    table["hc_mae_low_mm"], table["hc_mae_high_mm"] = table["hc_mae_mm"] - 0.5, table["hc_mae_mm"] + 0.5
    for length in ("bpd", "ofd", "hc"):
        table[f"{length}_step"] = [np.nan, -5.0, -3.0]
        table[f"{length}_step_low"] = table[f"{length}_step"] - 0.25
        table[f"{length}_step_high"] = table[f"{length}_step"] + 0.25
    text = words(report.render_report(replace(labelled_run, comparison=table)))
    assert "Experiments side by side" not in text
    section = text.split("a step at a time")[1]
    steps = [section.index(said) for said in ("1 min 30 s –", "−5.00 −5.25 to −4.75", "−3.00 −3.25 to −2.75")]
    assert steps == sorted(steps) and "nan" not in section.split("How the errors")[0]


def test_the_error_by_share_kept_ends_at_the_mean_of_all(labelled_run):
    rows = report.measured_rows(labelled_run)
    rows = rows[(rows["split"] == "test") & (rows["verdict"] == "sound")]
    many = pd.concat([rows] * 4, ignore_index=True)
    said = re.search(r"HC ([\d.]+) % on all", figures.risk_figure(many).svg)[1]
    assert float(said) == pytest.approx(100 * rows["hc_relative"].abs().mean(), abs=0.06)
    assert figures.risk_figure(rows.head(5)) is None
    assert figures.risk_figure(many.assign(hc_low=np.nan, bpd_low=np.nan, ofd_low=np.nan)) is None


def test_gestational_ages_stand_in_the_table_where_asked_for(labelled_run):
    assert "Age by HC" not in words(report.render_report(labelled_run))
    reading = read_lengths(labelled_run.predictions, np.full(len(labelled_run.predictions), 20.0), "hadlock")
    predictions = labelled_run.predictions.join(reading.set_axis(labelled_run.predictions.index))
    inputs = replace(labelled_run, predictions=predictions, settings={"growth_chart": "hadlock"})
    text = words(report.render_report(inputs))
    assert all(heading in text for heading in ("Age by HC", "Age by BPD", "HC centile", "by dates"))


def test_same_inputs_give_the_same_bytes(labelled_run, page):
    assert report.render_report(labelled_run) == page.read_text(encoding="utf-8")


def test_page_refers_to_nothing_outside_itself(any_page):
    html = re.sub("<script>.*?</script>", "", any_page.read_text(encoding="utf-8"), flags=re.DOTALL)
    addresses = re.findall(r"""(?:src|href|action|url)\s*[=(]\s*["']?([^"'\s)>]+)""", html)
    assert addresses
    assert all(address.startswith(("#", "data:image/jpeg;base64,")) for address in addresses if address != "x")
    assert "://" not in html
    assert "@import" not in html


def test_markup_in_names_and_settings_is_escaped(any_page, page):
    html = any_page.read_text(encoding="utf-8")
    assert html.count("<script") == 1
    assert "<img" not in html
    assert "&lt;script&gt;window.pwned=1&lt;/script&gt;" in html
    assert "&lt;script&gt;window.pwned=3&lt;/script&gt;" in page.read_text(encoding="utf-8")


def test_unlabelled_run_shows_measurements_without_errors(unlabelled_run):
    html = report.render_report(unlabelled_run)
    assert html.count('class="overlay"') == 12
    text = words(html)
    assert "Measured, not judged" in text
    assert "No pixel sizes." in text
    assert "mean absolute error" not in text
    assert 'id="agreement"' not in html


def test_groups_and_optional_figures_may_be_missing(labelled_run):
    metrics = copy.deepcopy(labelled_run.metrics)
    test = metrics["splits"]["test"]
    metrics["splits"]["test"] = {"all": test["all"]}
    test["all"]["hc"] |= {"loa_low": np.nan, "loa_high": np.nan, "coverage": None}
    metrics |= {"loss": None, "model": dict.fromkeys(metrics["model"]) | {"kind": "direct"}}
    text = words(report.render_report(replace(labelled_run, metrics=metrics, history=None, settings={}, versions={})))
    assert "coordinates of the four ends" in text
    assert "Errors by group" in text
    assert "nan" not in text.lower().split()


def test_an_unreadable_image_is_named(labelled_run):
    manifest = labelled_run.manifest.assign(path="nowhere.png")
    with pytest.raises(InputError, match=r"nowhere\.png"):
        report.render_report(replace(labelled_run, manifest=manifest))


def test_622_images_stay_under_6_mb(large_run):
    assert len(report.render_report(large_run).encode()) < 6_000_000


def test_page_loads_without_errors_requests_or_foreign_script(browser, any_page):
    browser.open(any_page)
    assert browser.messages == []
    assert [address for address in browser.requests if not address.startswith("data:")] == [any_page.as_uri()]
    assert browser.run("window.pwned") is None
    assert browser.run("document.querySelectorAll('#image-table tbody tr').length") == 40


def test_a_heading_sorts_up_then_down_with_missing_values_last(browser, page):
    browser.open(page)
    sort_twice = """(() => {
        const heading = [...document.querySelectorAll('#image-table thead th')]
            .find((th) => /^HC error\\s*%$/.test(th.textContent.trim()));
        const emptied = document.querySelector('#image-table tbody tr:nth-child(5)');
        emptied.cells[heading.cellIndex].dataset.value = '';
        const read = () => {
            heading.querySelector('button').click();
            return [...document.querySelectorAll('#image-table tbody tr')]
                .map((row) => row.cells[heading.cellIndex].dataset.value);
        };
        return [read(), heading.ariaSort, read(), heading.ariaSort];
    })()"""
    up, first, down, second = browser.run(sort_twice)
    assert (first, second) == ("ascending", "descending")
    assert up[-1] == down[-1] == ""
    assert [float(v) for v in up[:-1]] == sorted(float(v) for v in up[:-1])
    assert down[:-1] == up[:-1][::-1]


def test_filters_by_text_split_label_and_flag(browser, page, labelled_run):
    browser.open(page)
    shown = """[...document.querySelectorAll('#image-table tbody tr')].filter((row) => !row.hidden)
        .map((row) => row.cells[0].dataset.value)"""

    def choose(**values):
        for field, value in values.items():
            browser.run(
                f"""{{ const field = document.getElementById('filter-{field}'); field.value = {value!r};
                field.dispatchEvent(new Event('input')); }}"""
            )
        return sorted(browser.run(shown))

    rows = report.measured_rows(labelled_run)
    test = rows["split"] == "test"
    low = rows["flags"].map(lambda flags: "low confidence" in flags)
    assert choose(text="2hc") == sorted(name for name in rows["image_name"] if "2HC" in name)
    assert choose(text="", split="test") == sorted(rows["image_name"][test])
    assert choose(flag="low confidence") == sorted(rows["image_name"][test & low])
    assert choose(split="", flag="!") == sorted(rows["image_name"][rows["flags"].map(len) == 0])
    assert choose(flag="", verdict="suspect") == sorted(rows["image_name"][rows["verdict"] == "suspect"])
    count = (rows["verdict"] == "suspect").sum()
    assert browser.run("document.getElementById('filter-status').textContent") == f"{count} of 40 images"
    browser.run("document.querySelector('#filter-form button[type=reset]').click()")
    assert len(browser.run("new Promise((done) => setTimeout(() => done(" + shown + "), 20))")) == 40


def test_table_and_overlays_work_from_the_keyboard(browser, page):
    browser.open(page)
    browser.run("document.querySelector('.images').focus()")
    browser.press("Tab")
    browser.press("Enter")
    first = "document.querySelector('#image-table thead th')"
    assert browser.run(f"document.activeElement === {first}.querySelector('button')")
    assert browser.run(f"{first}.ariaSort") == "descending"
    reference = "getComputedStyle(document.querySelector('.overlay .reference')).display"
    assert browser.run(reference) != "none"
    browser.run("document.getElementById('show-reference').focus()")
    browser.press(" ")
    assert browser.run(reference) == "none"


def test_the_address_keeps_filters_and_order(browser, page):
    browser.open(page)
    browser.run("""(() => {
        const field = document.getElementById('filter-split');
        field.value = 'test';
        field.dispatchEvent(new Event('input'));
        for (let i = 0; i < 2; i++) document.querySelectorAll('#image-table thead button')[3].click();
    })()""")
    fragment = browser.run("location.hash")
    assert fragment == "#images?split=test&sort=-4"
    state = """[...document.querySelectorAll('#image-table tbody tr')].filter((row) => !row.hidden)
        .map((row) => row.cells[0].dataset.value)"""
    left = browser.run(state)
    browser.open(page, fragment=fragment)
    assert browser.run(state) == left and 0 < len(left) < 40
    assert browser.run("document.querySelectorAll('#image-table thead th')[3].ariaSort") == "descending"
    browser.run("document.querySelector('#filter-form button[type=reset]').click()")
    assert len(browser.run(f"new Promise((done) => setTimeout(() => done({state}), 20))")) == 40
    assert browser.run("location.hash") == "#images?sort=-4"


def test_a_picture_of_the_gallery_opens_in_the_viewer(browser, page):
    browser.open(page)
    first, second = browser.run(
        "[...document.querySelectorAll('#gallery .zoom')].map((b) => b.dataset.name).slice(0, 2)"
    )
    browser.run("document.querySelector('#gallery .zoom').focus()")
    browser.press("Enter")
    seen = "document.querySelector('#viewer[open] #viewer-title').textContent"
    assert browser.run(seen).startswith(f"{first} (1 of ")
    browser.press("ArrowRight")
    assert browser.run(seen).startswith(f"{second} (2 of ")
    assert browser.run("document.querySelector('#viewer svg .prediction').getBoundingClientRect().width") > 100
    browser.press("Escape")
    assert not browser.run("document.getElementById('viewer').open")
    assert browser.run("document.activeElement.dataset.name") == first


def test_names_in_the_table_open_the_overlays_beside_the_page(browser, unlabelled_run, tmp_path):
    rows = unlabelled_run.predictions.join(unlabelled_run.manifest["path"])
    for row, points in zip(rows.itertuples(), points_of(rows), strict=True):
        text = overlays.overlay_document(row.path, [overlays.DrawnHead(points, "prediction")], row.image_name)
        (tmp_path / overlays.overlay_name(row.image_name)).write_text(text, encoding="utf-8")
    addresses = render_report.overlay_addresses(rows["image_name"], [tmp_path], tmp_path / "report.html")
    assert set(addresses) == set(rows["image_name"])
    page = tmp_path / "report.html"
    page.write_text(report.render_report(replace(unlabelled_run, overlays=addresses)), encoding="utf-8")
    browser.open(page)
    links = "document.querySelectorAll('#image-table .zoom')"
    assert browser.run(f"{links}.length") == 20
    for number in range(20):
        browser.run(f"{links}[{number}].click()")
        browser.run("document.querySelector('#viewer img').decode()")
        assert browser.run(
            f"document.getElementById('viewer-title').textContent.startsWith({links}[{number}].dataset.name)"
        )
        browser.press("Escape")
    assert browser.messages == [] and browser.run("window.pwned") is None
    (tmp_path / overlays.overlay_name("003_HC.png")).unlink()
    browser.open(page)
    browser.run("document.querySelector('#image-table .zoom[data-name=\"003_HC.png\"]').click()")
    browser.run("document.querySelector('#viewer img')?.decode().catch(() => 0)")
    assert "moved or removed" in browser.run("document.getElementById('viewer-frame').textContent")


@pytest.mark.parametrize("scheme, width", [("light", 1280), ("dark", 1280), ("light", 390)])
def test_axe_finds_nothing_serious(browser, any_page, scheme, width):
    browser.open(any_page, width=width, scheme=scheme)
    assert serious_findings(browser) == []
    browser.run("document.querySelector('#gallery .zoom').click()")
    assert serious_findings(browser) == []


def test_everything_drawn_has_words_for_a_screen_reader(browser, any_page):
    browser.open(any_page)
    silent = """[...document.querySelectorAll('svg:not([aria-hidden=true])')]
        .filter((svg) => svg.getAttribute('role') !== 'img' || !svg.getAttribute('aria-label')).length"""
    assert browser.run(silent) == 0
    unlabelled = "[...document.querySelectorAll('input, select')].filter((field) => !field.labels.length).length"
    assert browser.run(unlabelled) == 0
    broken = """[...document.querySelectorAll('nav a')]
        .filter((a) => !document.querySelector(a.getAttribute('href'))).length"""
    assert browser.run(broken) == 0


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_no_page_is_wider_than_its_window(browser, any_page, width):
    browser.open(any_page, width=width)
    assert browser.run("document.documentElement.scrollWidth") == width
    assert browser.run("innerWidth") == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser, page, scheme):
    """WCAG AA: a contrast of 4.5 for text and of 3 for marks, in either colour scheme."""
    browser.open(page, scheme=scheme)
    names = [
        "paper",
        "panel",
        "notice",
        "ink",
        "soft",
        "prediction",
        "reference",
        "bpd",
        "ofd",
        "t1",
        "t2",
        "t3",
    ]
    read = """%s.map((name) =>
        getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim())"""
    luminance = dict(zip(names, map(relative_luminance, browser.run(read % names)), strict=True))
    assert (luminance["paper"] > 0.5) == (scheme == "light")

    def contrast(a, b):
        low, high = sorted((luminance[a], luminance[b]))
        return (high + 0.05) / (low + 0.05)

    for ground in ("paper", "panel", "notice"):
        assert contrast("ink", ground) > 7
    for text in ("soft", "prediction", "reference"):
        assert min(contrast(text, ground) for ground in ("paper", "panel")) > 4.5
    assert min(contrast(mark, "paper") for mark in ("bpd", "ofd", "t1", "t2", "t3")) > 3


def relative_luminance(colour: str) -> float:
    """Of an sRGB colour #rrggbb, by WCAG 2."""
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
