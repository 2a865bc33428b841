"""The report: what it says, and that it is complete in itself."""

import copy
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from reading import texts_by_id

from fetal_biometry.errors import InputError
from fetal_biometry.measure.growth import read_lengths
from fetal_biometry.model.geometry import all_lengths
from fetal_biometry.report import report, sentences, wording
from fetal_biometry.terms import COLUMNS, LENGTHS


def texts(run: report.ReportInputs, **changed) -> dict[str, str]:
    """What the report of a run says, by id; ``metrics`` are changed key by key."""
    if "metrics" in changed:
        changed["metrics"] = run.metrics | changed["metrics"]
    return texts_by_id(report.render_report(replace(run, **changed)))


@pytest.fixture(scope="module")
def said(page):
    return texts_by_id(page.read_text(encoding="utf-8"))


def test_errors_agree_with_the_landmarks(labelled_run):
    rows = report.measured_rows(labelled_run).set_index("image_name")
    name = "003_HC.png"
    image = labelled_run.images.loc[name]
    predicted = all_lengths(labelled_run.predictions.loc[name, list(COLUMNS)].to_numpy(float).reshape(4, 2))
    truth = all_lengths(image[list(COLUMNS)].to_numpy(float).reshape(4, 2))
    for i, length in enumerate(LENGTHS):
        error = (predicted - truth)[i]
        assert rows.loc[name, f"{length}_error"] == pytest.approx(error * image["pixel_size_mm"])
        assert rows.loc[name, f"{length}_relative"] == pytest.approx(error / truth[i])
        assert rows.loc[name, f"{length}_low"] == pytest.approx(0.97 * predicted[i] * image["pixel_size_mm"])


def test_a_missing_pixel_size_gives_pixels_for_that_image_alone(labelled_run, said):
    name, other = "003_HC.png", "004_HC.png"
    images, predictions = labelled_run.images.copy(), labelled_run.predictions.copy()
    images.loc[name, "pixel_size_mm"] = np.nan
    predictions.loc[name, [c for c in predictions if "_mm" in c]] = np.nan
    inputs = replace(
        labelled_run, images=images, predictions=predictions, metrics=labelled_run.metrics | {"unit": "px"}
    )
    rows = report.measured_rows(inputs).set_index("image_name")
    assert rows.loc[name, "unit"] == "px" and rows.loc[other, "unit"] == "mm"
    assert rows.loc[name, "hc_shown"] == labelled_run.predictions.loc[name, "hc_px"]
    assert rows.loc[name, "hc_high"] == labelled_run.predictions.loc[name, "hc_px_high"]
    assert rows.loc[other, "hc_shown"] == labelled_run.predictions.loc[other, "hc_mm"]
    lengths = [
        all_lengths(table.loc[other, list(COLUMNS)].to_numpy(float).reshape(4, 2))[2] for table in (predictions, images)
    ]
    assert rows.loc[other, "hc_error"] == pytest.approx(lengths[0] - lengths[1])  # errors of all are in pixels
    found = texts_by_id(report.render_report(inputs))
    assert {"some-pixel-sizes", "mixed-units"} <= found.keys() and not {"some-pixel-sizes", "mixed-units"} & said.keys()


def test_first_screen_gives_error_constant_and_labels_left_out(labelled_run, said):
    hc, labels = labelled_run.metrics["splits"]["test"]["all"]["hc"], labelled_run.metrics["labels"]
    for number in (wording.number(hc["mae"]), wording.span(hc, "mae")):
        assert number in said["result"] and number in said["result-table"]
    assert f"{wording.number(hc['constant_mae'])} {wording.factor(hc)}" in said["result-table"]
    assert re.search(rf"\b{hc['n']} ", said["result"])
    for place in ("labels-left-out", "noisy-labels"):
        assert f"{labels['invalid']} of {labels['labelled']}" in said[place]
    assert f"centres apart ({labels['invalid']})" in said["noisy-labels"]
    assert {"names-swapped", "drawn"} <= said.keys()
    assert "drawn" not in texts(labelled_run, metrics={"dataset": "hc18"})


def test_the_three_largest_errors_stand_on_the_first_screen(labelled_run, said):
    rows = report.measured_rows(labelled_run)
    judged = rows[(rows["split"] == "test") & (rows["verdict"] == "valid")]
    largest = judged.set_index("image_name")["hc_relative"].abs().nlargest(3)
    places = [said["worst"].index(name) for name in largest.index]
    assert places == sorted(places)


def test_flagged_images_are_counted_at_the_top(labelled_run, said):
    flags = labelled_run.predictions["flags"]
    assert said["to-check"].split()[0] == str(flags.str.contains("low confidence").sum())
    assert "to-check" not in texts(labelled_run, predictions=labelled_run.predictions.assign(flags="no pixel size"))


def test_test_images_without_a_found_head_are_counted_at_the_top_and_not_drawn(labelled_run, said):
    name = labelled_run.images["image_name"][labelled_run.images["split"] == "test"].iloc[0]
    predictions = labelled_run.predictions.copy()
    predictions.loc[name, [column for column in predictions if column.startswith(LENGTHS)]] = np.nan
    metrics = {"without_head": {"test": 1}}
    html = report.render_report(replace(labelled_run, predictions=predictions, metrics=labelled_run.metrics | metrics))
    assert "1 " in texts_by_id(html)["missed"] and "missed" not in said
    assert not re.search(rf'<a href="#images[^"]*{name}"', html) and f'data-value="{name}"' in html


def test_quarantined_images_are_counted_at_the_top_and_listed_with_their_reasons(labelled_run, said):
    assert said["could-not-be-used"].startswith("2 ")
    for image in labelled_run.quarantine.to_dict("records"):
        assert image["image_name"] in said["quarantine"] and image["reason"] in said["quarantine"]
    assert "quarantine" not in texts(labelled_run, quarantine=labelled_run.quarantine.head(0))


def test_the_interval_stands_in_the_table_by_head_size(labelled_run, said):
    hc = labelled_run.metrics["splits"]["test"]["all"]["hc"]
    assert (
        f"{wording.number(hc['mae'])} {wording.span(hc, 'mae')} {wording.number(hc['median'])}" in said["sizes-table"]
    )


def test_model_and_labels_stand_against_the_independent_reference(labelled_run, said):
    model, labels = (labelled_run.metrics["reference"][who]["all"]["hc"] for who in ("model", "labels"))
    for who, hc in {"model": model, "labels": labels}.items():
        assert f"HC {hc['n']} {wording.number(hc['mae'])} {wording.span(hc, 'mae')}" in said[f"reference-{who}"]
        assert f"{wording.number(hc['mae'])}\u00a0mm".replace("\u00a0", " ") in said["result"].replace("\u00a0", " ")


def test_what_is_known_out_of_fold_has_a_section_of_its_own(labelled_run, said):
    test = labelled_run.metrics["splits"]["test"]
    known = {"out_of_fold": test, "reference": {}}
    found = texts(labelled_run, metrics=known)
    assert (
        str(test["all"]["n"]) in found["out-of-fold"] and wording.span(test["all"]["hc"], "mae") in found["folds-table"]
    )
    assert "out-of-fold" not in said
    alone = texts(labelled_run, metrics=known | {"splits": {}})
    assert "out-of-fold" in alone and not {"head-sizes", "result-table", "worst"} & alone.keys()


def test_repeats_say_whose_noise_an_error_is(labelled_run, said):
    bpd = labelled_run.metrics["splits"]["test"]["all"]["bpd"]
    noise = "BPD 23 0.9 % 0.6 % to 1.2 % 1.6 % 1.1 % to 2.1 %"
    beside = f"0.61 0.42–0.80 {wording.number(bpd['mae'])} {wording.span(bpd, 'mae')}"
    assert said["repeats-table"].replace("\u00a0", " ").endswith(f"{noise} {beside}")
    unfloored = {key: value for key, value in labelled_run.metrics["repeats"]["bpd"].items() if "floor" not in key}
    table = texts(labelled_run, metrics={"repeats": {"bpd": unfloored}})["repeats-table"]
    assert noise in table.replace("\u00a0", " ") and "0.42–0.80" not in table
    assert "repeats-table" not in texts(labelled_run, metrics={"repeats": {}})


def test_outer_to_inner_labels_are_converted_and_it_says_so(labelled_run, said):
    inputs = replace(labelled_run, metrics=labelled_run.metrics | {"calliper": "outer_to_inner"})
    plain, converted = (report.measured_rows(run).set_index("image_name") for run in (labelled_run, inputs))
    before, after = plain.loc["003_HC.png"], converted.loc["003_HC.png"]
    outer = 0.555934 + 1.027318 * before["bpd_label"]
    assert after["bpd_label"] == pytest.approx(outer) and after["bpd_shown"] == before["bpd_shown"]
    assert after["bpd_error"] == pytest.approx(before["bpd_shown"] - outer)
    assert sentences.WONG in texts_by_id(report.render_report(inputs))["converted"] and "converted" not in said


@pytest.mark.parametrize("policy", ["drop", "keep", "repair"])
def test_it_says_what_training_did_with_noisy_labels(labelled_run, policy):
    found = texts(labelled_run, metrics={"model": labelled_run.metrics["model"] | {"noisy_labels": policy}})
    policies = sentences.NOISY_LABELS.items()
    assert [name for name, text in policies if text and text in found["noisy-labels"]] == [policy]


def test_a_convention_of_the_site_is_told_with_its_factors(labelled_run, said):
    site = {"convention": "site", "bpd_factor": 0.9634, "ofd_factor": 1.0}
    found = texts(labelled_run, metrics={"model": labelled_run.metrics["model"] | site})
    assert "0.963" in found["site-convention"] and "1.000" in found["site-convention"]
    assert "site-convention" not in said


def test_questionable_labels_count_among_those_that_are_not_valid(labelled_run):
    labels = labelled_run.metrics["labels"] | {"invalid": 0, "questionable": 2, "labelled": 40}
    assert "2 of 40" in texts(labelled_run, metrics={"labels": labels})["noisy-labels"]


def test_methods_tell_of_what_the_model_has(labelled_run, said):
    model = labelled_run.metrics["model"]
    assert {"how-heatmap", "how-fused", "how-head-presence", "how-test-time-augmentation"} <= said.keys()
    assert "50 % and 70 %" in said["how-closer-views"] and "how-growth" not in said
    given = {"tells_heads": False, "kind": "external", "calibrate_on": None}
    found = texts(labelled_run, metrics={"model": model | given})
    assert "how-external" in found and not {"how-head-presence", "how-trained-on"} & found.keys()
    assert "own training run" in found["how-intervals"]
    direct = {"kind": "direct", "decoder": None, "test_time_augmentation": "none", "closer_views": []}
    found = texts(labelled_run, metrics={"model": model | direct})
    assert "how-direct" in found and not {"how-fused", "how-test-time-augmentation", "how-closer-views"} & found.keys()


def test_a_given_model_says_which_images_it_was_trained_on(labelled_run, said):
    model = labelled_run.metrics["model"] | {"kind": "external", "test_images_seen": 3}
    model |= dict.fromkeys(("noisy_labels", "keep", "calibrate_on"))
    found = texts(labelled_run, metrics={"model": model}, history=None, settings={})
    assert found["seen"].startswith("3 ") and "seen" not in said


def compared(rows):
    """A comparison's table of recipes, their policy on noisy labels, and by how much they are worse."""
    table = pd.DataFrame(rows, columns=["recipe", "noisy_labels", "hc_worse"]).assign(n=12, pairs=14)
    table["bpd_worse"], table["ofd_worse"] = table["hc_worse"] / 4, table["hc_worse"] / 2
    for length in LENGTHS:
        table[f"{length}_worse_low"] = table[f"{length}_worse"] - 0.5
        table[f"{length}_worse_high"] = table[f"{length}_worse"] + 0.5
    return table.assign(parameters=2_400_000, training_seconds=90.0)


@pytest.mark.parametrize("referenced", [False, True])
def test_recipes_stand_side_by_side_when_asked_for(labelled_run, said, referenced):
    assert "recipes" not in said
    table = compared([("keep", "keep", 2.0), ("heatmap", "drop", 0.0)])
    for number, length in enumerate(LENGTHS):
        table[f"{length}_mae_mm"] = [11.0 + number, 1.25 + number]
        if referenced:
            table[f"{length}_mae_reference_mm"] = [15.0 + number, 5.25 + number]
    table["hc_mae_low_mm"], table["hc_mae_high_mm"] = table["hc_mae_mm"] - 0.5, table["hc_mae_mm"] + 0.5
    section = texts(labelled_run, comparison=table)["recipes"]
    for numbers in ("13.0 11.0 12.0", "+2.00 +1.50 to +2.50", "3.25 1.25 2.25"):
        assert numbers in section
    assert ("17.0 15.0 16.0" in section) == referenced
    worse = "+0.50 0.00 to +1.00 +1.00 +0.50 to +1.50"  # BPD, OFD
    assert f"2.40 1 min 30 s +2.00 +1.50 to +2.50 {worse}" in section and "3.25 mm (2.75–3.75)" in section


def test_an_ablation_tells_what_each_step_is_worth(labelled_run):
    table = compared([("baseline", "drop", 9.0), ("deep", "drop", 4.0), ("heatmap", "drop", 0.0)])
    for length in LENGTHS:
        table[f"{length}_mae_mm"] = [9.0, 4.0, 1.0]
        table[f"{length}_step"] = [np.nan, -5.0, -3.0]
        table[f"{length}_step_low"] = table[f"{length}_step"] - 0.25
        table[f"{length}_step_high"] = table[f"{length}_step"] + 0.25
    table["hc_mae_low_mm"], table["hc_mae_high_mm"] = table["hc_mae_mm"] - 0.5, table["hc_mae_mm"] + 0.5
    section = texts(labelled_run, comparison=table)["recipes-table"]
    steps = [section.index(said) for said in ("1 min 30 s –", "−5.00 −5.25 to −4.75", "−3.00 −3.25 to −2.75")]
    assert steps == sorted(steps) and "nan" not in section


def test_gestational_ages_stand_in_the_table_where_asked_for(labelled_run, said):
    reading = read_lengths(labelled_run.predictions, np.full(len(labelled_run.predictions), 20.0), "hadlock")
    predictions = labelled_run.predictions.join(reading.set_axis(labelled_run.predictions.index))
    settings = labelled_run.settings | {"growth_chart": "hadlock"}
    found = texts(labelled_run, predictions=predictions, settings=settings)
    shown = [column[1] for column in report.GROWTH_COLUMNS]
    assert all(heading in found["image-table"] for heading in shown)
    assert not any(heading in said["image-table"] for heading in shown)
    assert "Hadlock" in found["how-growth"]
    row = predictions.loc["003_HC.png"]
    assert f"{wording.number(row['age_weeks_hc'], 1)} {wording.number(row['age_weeks_bpd'], 1)}" in found["image-table"]


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


def test_groups_and_optional_figures_may_be_missing(labelled_run):
    metrics = copy.deepcopy(labelled_run.metrics)
    test = metrics["splits"]["test"]
    metrics["splits"]["test"] = {"all": test["all"]}
    test["all"]["hc"] |= {"loa_low": np.nan, "loa_high": np.nan, "coverage": None, "constant_mae": np.nan}
    metrics["model"] |= {"kind": "direct", "decoder": None, "parameters": None, "best_epoch": None, "seconds": None}
    metrics["unit"] = "px"
    found = texts(labelled_run, metrics=metrics, history=None, settings={}, versions={})
    assert not {"training", "folds-table"} & found.keys()
    assert not any("nan" in text.lower().split() for text in found.values())


def test_an_unreadable_image_is_named(labelled_run):
    with pytest.raises(InputError, match=r"nowhere\.png"):
        report.render_report(replace(labelled_run, images=labelled_run.images.assign(path="nowhere.png")))


def test_622_images_stay_under_1_mb_and_each_picture_under_60_kb(large_run):
    addresses = {name: f"pictures/{name}.jpg" for name in large_run.images["image_name"]}
    html = report.render_report(replace(large_run, overlays=addresses))
    pictures = re.findall(r"data:image/jpeg;base64,[^\"]+", html)
    assert len(pictures) > 6 and max(map(len, pictures)) < 60_000
    assert len(html.encode()) - sum(map(len, pictures)) < 1_000_000
