"""The audit's page and the annotator's table: what they say, whom they survive, and how the page behaves."""

import numpy as np
import pandas as pd
import pytest
from reading import texts_by_id

from fetal_biometry.errors import InputError
from fetal_biometry.frames import write_frame
from fetal_biometry.report import audit_page as audit
from fetal_biometry.terms import COLUMNS


@pytest.fixture(scope="module")
def rows(labelled_run, limits):
    return audit.audited_rows(labelled_run.images, limits)


@pytest.fixture(scope="module")
def said(audit_page):
    return texts_by_id(audit_page.read_text(encoding="utf-8"))


def test_first_screen_counts_invalid_labels_and_their_reasons(rows, said):
    invalid = rows["verdict"] == "invalid"
    assert f"{invalid.sum()} of 40" in said["lead"]
    assert "names-swapped" in said
    assert f"centres apart {invalid.sum()}" in said["reasons"]
    assert f"axes not perpendicular {rows['reasons'].str.contains('perpendicular').sum()}" in said["reasons"]
    small = rows["band"] == "hc_under_120"
    assert f"{(invalid & small).sum()} of {small.sum()}" in said["bands"]
    assert "audit_for_annotator.csv" in said["summary"]


def test_the_limits_it_judges_by_are_given(said, limits):
    for limit in vars(limits.audit).values():
        assert str(limit) in said["geometry-limits"]
    assert str(limits.audit_networks.disagreement) in said["network-limits"]
    assert str(limits.audit_networks.confidence) in said["methods"]


def test_invalid_labels_come_first_and_the_highest_scores_before_the_rest(rows):
    invalid = rows["invalid"].to_numpy()
    assert not (np.diff(invalid.astype(int)) > 0).any()
    assert rows.loc[invalid, "score"].is_monotonic_decreasing
    assert rows.loc[~invalid, "score"].is_monotonic_decreasing
    (first, _, shown), (second, _, borderline) = audit.gallery(rows)
    assert [row["image_name"] for row in shown] == list(rows.loc[invalid, "image_name"])
    assert (first, second, len(borderline)) == ("invalid", "borderline", 6)


def test_geometry_alone_needs_no_networks(labelled_run, limits, without_networks, written_audit):
    html = written_audit(audit.audited_rows(without_networks(labelled_run.images), limits), "geometry")
    said = texts_by_id(html)
    assert "network-limits" not in said and str(limits.audit_networks.confidence) not in said["methods"]
    assert "show-prediction" not in html.split("<main>")[1] and "<ellipse" not in html


def test_labels_without_pixel_sizes_and_without_invalid_ones(rows, written_audit):
    valid = rows.assign(band="", invalid=False, verdict="valid", reasons="", score=0.3)
    said = texts_by_id(written_audit(valid))
    assert "0 of 40" in said["lead"]
    assert "gallery-borderline" in said and not {"bands", "reasons", "gallery-invalid"} & said.keys()


def test_unknown_pixel_sizes_leave_the_head_size_open(labelled_run, limits):
    rows = audit.audited_rows(labelled_run.images.assign(pixel_size_mm=np.nan), limits)
    assert set(rows["band"]) == {""}
    assert "bands" not in [table.id for table in audit.audit_tables(rows)]


def test_nothing_labelled_is_refused_with_a_remedy(unlabelled_run, limits):
    with pytest.raises(InputError, match="landmark_table"):
        audit.audited_rows(unlabelled_run.images, limits)


def test_the_annotators_table_is_complete_and_keeps_numbers(rows, labelled_run, tmp_path):
    write_frame(audit.annotator_table(rows), tmp_path / "annotator.csv")
    table = pd.read_csv(tmp_path / "annotator.csv")
    assert list(table.columns) == [
        "image_name", "path", "verdict", "reasons", "score", *COLUMNS, *audit.SUGGESTED, "suggested_confidence",
        "annotator_decision", "annotator_comment",
    ]  # fmt: skip
    assert set(table["image_name"]) == set(rows["image_name"])
    assert list(table["verdict"]) == sorted(table["verdict"])
    assert table["annotator_decision"].isna().all() and table["annotator_comment"].isna().all()
    assert np.allclose(table[list(audit.SUGGESTED)], labelled_run.predictions.loc[table["image_name"], list(COLUMNS)])


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_text_that_a_spreadsheet_would_run_is_neutralised(rows, start):
    name = f"{start}HYPERLINK(1)"
    changed = rows.assign(image_name=name, path=name, reasons=name, ofd_1_x=-3.5)
    table = audit.annotator_table(changed)
    assert (table[["image_name", "path", "reasons"]] == f"'{name}").all(axis=None)
    assert (table["ofd_1_x"] == -3.5).all()


def test_the_gallery_stops_at_sixty_and_the_page_stays_small(large_run, limits, written_audit):
    rows = audit.audited_rows(large_run.images, limits)
    html = written_audit(rows)
    assert rows["invalid"].sum() > 60
    assert html.count('class="overlay"') == 66
    assert f"60 of {rows['invalid'].sum()}" in texts_by_id(html)["gallery-invalid"]
    assert len(html.encode()) < 6_000_000


def test_filters_by_verdict_and_reason_and_sorts(browser, audit_page, rows):
    browser.open(audit_page)
    shown = """[...document.querySelectorAll('#image-table tbody tr')].filter((row) => !row.hidden)
        .map((row) => row.cells[0].dataset.value)"""
    assert browser.run(shown) == list(rows["image_name"])
    browser.run("""{ const field = document.getElementById('filter-flag'); field.value = 'axes not perpendicular';
        field.dispatchEvent(new Event('input')); }""")
    expected = rows["image_name"][rows["reasons"].str.contains("axes not perpendicular")]
    assert sorted(browser.run(shown)) == sorted(expected)
    browser.run("[...document.querySelectorAll('#image-table th button')][2].click()")
    assert browser.run(shown) == list(expected[::-1])


def test_label_and_head_can_be_hidden(browser, audit_page):
    browser.open(audit_page)
    for name in ("prediction", "reference"):
        display = f"getComputedStyle(document.querySelector('.overlay .{name}')).display"
        assert browser.run(display) != "none"
        browser.run(f"document.getElementById('show-{name}').click()")
        assert browser.run(display) == "none"
