"""Recipes side by side: the table, its figure, and the page that shows two at a time."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from axe import assert_readable, on_every_screen
from reading import texts_by_id

from fetal_biometry.errors import InputError
from fetal_biometry.report import comparison
from fetal_biometry.report.comparison_page import comparison_page
from fetal_biometry.report.report import measured_rows, render_report
from fetal_biometry.terms import COLUMNS, LENGTHS

NAMES = ["baseline", "no mask", "heatmap"]


@pytest.fixture(scope="module")
def tables(labelled_run):
    """Errors and predictions of three recipes: one far off, one a little, and the chosen one."""
    rows = measured_rows(labelled_run).set_index("image_name", drop=False)
    generator, errors, predictions = np.random.default_rng(5), [], []
    for scale in (6.0, 0.3, 0.0):
        shift = scale * generator.normal(size=len(rows))
        table = rows[["image_name", "examination", "split"]].assign(valid=rows["verdict"] == "valid")
        for length in LENGTHS:
            table[f"{length}_error_label"] = rows[f"{length}_error"] + shift
            table[f"{length}_error_reference"] = np.nan
        errors.append(table)
        predicted = labelled_run.predictions.copy()
        predicted[list(COLUMNS)] += scale
        predictions.append(predicted)
    return errors, predictions


@pytest.fixture(scope="module")
def compared(labelled_run, tables, tmp_path_factory):
    path = tmp_path_factory.mktemp("comparison") / "compare.html"
    text = comparison_page(NAMES, "heatmap", *tables, labelled_run.images, "a run", "mm")
    path.write_text(text, encoding="utf-8")
    return path


def test_differences_are_paired_and_on_judged_images_alone(tables):
    worst, little, chosen = map(comparison.judged_errors, tables[0])
    assert (chosen["split"] == "test").all() and chosen["valid"].all() and len(chosen) < 40
    found = comparison.paired_differences(worst, chosen)
    for length in LENGTHS:
        expected = (worst[length] - chosen[length]).mean()
        assert found[f"{length}_worse"] == pytest.approx(expected)
        assert found[f"{length}_worse_low"] < expected < found[f"{length}_worse_high"]
    assert found["hc_worse_low"] > 0
    reversed_ = little[::-1]
    assert comparison.paired_differences(reversed_, chosen) == comparison.paired_differences(reversed_, chosen[::-1])
    nothing = comparison.paired_differences(chosen, chosen)
    assert set(nothing.values()) == {0}


def test_the_reference_judges_where_there_is_one(tables):
    errors = tables[0][0].assign(hc_error_reference=-2.0, bpd_error_reference=1.0, ofd_error_reference=1.0)
    judged = comparison.judged_errors(errors)
    assert len(judged) == (errors["split"] == "test").sum() and (judged["hc"] == 2).all()


@pytest.fixture
def files(labelled_run, tables, tmp_path):
    """metrics.json and errors.csv of the three recipes."""
    paths = []
    for name, errors in zip(NAMES, tables[0], strict=True):
        paths.append((tmp_path / f"{name}.json", tmp_path / f"{name}.csv"))
        paths[-1][0].write_text(json.dumps(labelled_run.metrics | {"recipe": name}))
        errors.to_csv(paths[-1][1], index=False)
    return [list(some) for some in zip(*paths, strict=True)]


def test_the_table_holds_each_recipe_and_what_it_is_worse_by(labelled_run, tables, files, tmp_path):
    table = comparison.compare_recipes(*files, "heatmap", steps=True)
    table, metrics = table.set_index("recipe"), labelled_run.metrics
    assert list(table.index) == NAMES
    assert table.loc["heatmap", "hc_mae_mm"] == metrics["splits"]["test"]["all"]["hc"]["mae"]
    assert table.loc["heatmap", "bpd_mae_reference_mm"] == metrics["reference"]["model"]["all"]["bpd"]["mae"]
    worst, little, chosen = map(comparison.judged_errors, tables[0])
    assert (table["pairs"] == len(chosen)).all()
    assert table.loc["baseline", "ofd_worse"] == pytest.approx((worst["ofd"] - chosen["ofd"]).mean())
    assert table.loc["no mask", "ofd_step"] == pytest.approx((little["ofd"] - worst["ofd"]).mean())
    assert np.isnan(table.loc["baseline", "hc_step"]) and table.loc["heatmap", "hc_worse"] == 0
    table.reset_index().to_csv(tmp_path / "compare.csv", index=False)
    html = render_report(replace(labelled_run, comparison=pd.read_csv(tmp_path / "compare.csv")))
    recipes = texts_by_id(html)["recipes-table"]
    places = [recipes.index(f"{name} drop") for name in NAMES]
    assert places == sorted(places)
    assert all(f">{name}</text>" in html for name in NAMES)


def test_without_a_valid_test_label_nothing_is_compared(labelled_run, files):
    files[0][1].write_text(json.dumps(labelled_run.metrics | {"splits": {}}))
    with pytest.raises(InputError, match="test_fraction"):
        comparison.compare_recipes(*files, "heatmap", steps=False)


def test_a_reader_picks_the_other_recipe(browser, compared):
    browser.open(compared)
    seen = """[...document.querySelectorAll('[data-other]')].filter((part) => part.offsetParent)
        .map((part) => part.dataset.other)"""
    before = browser.run(seen)
    assert set(before) == {"baseline"} and before.count("baseline") > 20
    browser.page.select_option("#filter-other", "no mask")
    after = browser.run(seen)
    assert set(after) == {"no mask"}
    assert browser.run("location.hash") == "#images?other=no+mask"
    browser.open(compared, fragment="#images?other=no+mask")
    assert browser.run(seen) == after
    browser.page.locator('#gallery [data-other="no mask"] .zoom').first.click()
    assert browser.run("document.getElementById('viewer-place').textContent") == "1 of 6"
    browser.press("Escape")
    browser.run("document.getElementById('show-truth').click()")
    assert browser.run("getComputedStyle(document.querySelector('.overlay .truth')).display") == "none"
    assert browser.messages == []


def test_errors_and_gains_stand_in_the_table(browser, compared, tables):
    browser.open(compared)
    worst, _, chosen = map(comparison.judged_errors, tables[0])
    cells = browser.run("""Object.fromEntries([...document.querySelectorAll('#image-table tbody tr')].map((row) =>
        [row.cells[0].dataset.value, [...row.cells].slice(1, 4).map((cell) => Number(cell.dataset.value))]))""")
    expected = pd.DataFrame({"mine": chosen["hc"], "theirs": worst["hc"], "gain": worst["hc"] - chosen["hc"]})
    assert set(cells) == set(expected.index)
    for name, row in cells.items():
        assert row == pytest.approx(expected.loc[name].to_list(), rel=1e-5)


@on_every_screen
def test_axe_finds_nothing_serious(browser, compared, scheme, width):
    assert_readable(browser, compared, scheme, width, opens="#gallery .zoom")


@pytest.fixture
def missed(tables):
    """The name of a test image, and errors of the three recipes of which the first finds no head in it."""
    errors = [table.copy() for table in tables[0]]
    name = comparison.judged_errors(errors[0]).index[0]
    errors[0].loc[name, [f"{length}_error_label" for length in LENGTHS]] = np.nan
    return name, errors


def test_recipes_are_compared_on_images_that_both_measure(missed):
    name, errors = missed
    other, _, chosen = map(comparison.judged_errors, errors)
    shared = other.index.intersection(chosen.index)
    assert name in chosen.index and name not in shared and len(shared) == len(chosen) - 1
    for pair in ((other, chosen), (chosen, other)):
        found = comparison.paired_differences(*pair)
        assert found["hc_worse"] == pytest.approx((pair[0]["hc"] - pair[1]["hc"]).loc[shared].mean())
        assert found["hc_worse_low"] <= found["hc_worse"] <= found["hc_worse_high"]


def test_a_head_that_one_recipe_does_not_find_has_no_difference_on_the_page(labelled_run, tables, missed):
    name, errors = missed
    page = comparison_page(NAMES, "heatmap", errors, tables[1], labelled_run.images, "a run", "mm")
    row = page[page.index(f'data-value="{name}"') :].split("</tr>")[0]
    assert "–" in row and "nan" not in row
