"""The page that sets two experiments at a time side by side."""

import numpy as np
import pandas as pd
import pytest
from axe import serious_findings

from fetal_biometry.model.landmarks import COLUMNS
from fetal_biometry.report import comparison
from fetal_biometry.report.report import measured_rows

NAMES = ["reference", "one look", "heatmap"]


@pytest.fixture(scope="module")
def tables(labelled_run):
    """Errors and predictions of three experiments: one far off, one a little, and the chosen one."""
    rows = measured_rows(labelled_run).set_index("image_name", drop=False)
    generator, errors, predictions = np.random.default_rng(5), [], []
    for scale in (6.0, 0.3, 0.0):
        shift = scale * generator.normal(size=len(rows))
        table = rows[["image_name", "examination", "split"]].assign(sound=rows["verdict"] == "sound")
        for length in ("bpd", "ofd", "hc"):
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
    text = comparison.comparison_page(NAMES, "heatmap", *tables, labelled_run.manifest, "a run", "mm")
    path.write_text(text, encoding="utf-8")
    return path


def test_differences_are_paired_and_on_judged_images_alone(tables):
    worst, little, chosen = map(comparison.judged_errors, tables[0])
    assert (chosen["split"] == "test").all() and chosen["sound"].all() and len(chosen) < 40
    found = comparison.paired_differences(worst, chosen)
    for length in ("bpd", "ofd", "hc"):
        expected = (worst[length] - chosen[length]).mean()
        assert found[length]["mean"] == pytest.approx(expected)
        assert found[length]["low"] < expected < found[length]["high"]
    assert found["hc"]["low"] > 0
    reversed_ = little[::-1]
    assert comparison.paired_differences(reversed_, chosen) == comparison.paired_differences(reversed_, chosen[::-1])
    nothing = comparison.paired_differences(chosen, chosen)
    assert nothing["hc"] == {"mean": 0, "low": 0, "high": 0}


def test_the_reference_judges_where_there_is_one(tables):
    errors = tables[0][0].assign(hc_error_reference=-2.0, bpd_error_reference=1.0, ofd_error_reference=1.0)
    judged = comparison.judged_errors(errors)
    assert len(judged) == (errors["split"] == "test").sum() and (judged["hc"] == 2).all()


def test_a_reader_picks_the_other_experiment(browser, compared):
    browser.open(compared)
    seen = """[...document.querySelectorAll('h2, #gallery h3, #image-table th')]
        .filter((part) => part.offsetParent).map((part) => part.innerText)"""
    before = browser.run(seen)
    assert "reference beside heatmap" in before and "one look beside heatmap" not in before
    assert any(text.startswith(("reference is nearer", "heatmap is nearer")) for text in before)
    browser.page.select_option("#filter-other", "one look")
    after = browser.run(seen)
    assert "one look beside heatmap" in after and "reference beside heatmap" not in after
    assert any("one look" in text and "mm" in text for text in after)
    assert browser.run("location.hash") == "#images?other=one+look"
    browser.open(compared, fragment="#images?other=one+look")
    assert browser.run(seen) == after
    browser.page.locator('#gallery [data-other="one look"] .zoom').first.click()
    assert "(1 of 6)" in browser.run("document.getElementById('viewer-title').textContent")
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


@pytest.mark.parametrize("scheme, width", [("light", 1280), ("dark", 360)])
def test_it_is_accessible_and_fits_its_window(browser, compared, scheme, width):
    browser.open(compared, width=width, scheme=scheme)
    assert serious_findings(browser) == []
    assert browser.run("document.documentElement.scrollWidth") == width
