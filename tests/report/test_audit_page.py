"""The audit's page and the annotator's table: what they say, whom they survive, and how the page behaves."""

import numpy as np
import pandas as pd
import pytest
from test_report import words

import render_audit
from fetal_biometry.errors import InputError
from fetal_biometry.frames import write_frame
from fetal_biometry.model.landmarks import COLUMNS


@pytest.fixture(scope="module")
def rows(labelled_run, audited):
    return audited(labelled_run)


def test_first_screen_counts_suspects_and_their_reasons(rows, audit_page):
    text = words(audit_page.read_text(encoding="utf-8"))
    suspect = rows["verdict"] == "suspect"
    assert f"{suspect.sum()} of 40 labels" in text
    assert "Landmark names were swapped" in text
    assert f"centres apart {suspect.sum()}" in text
    assert f"axes not perpendicular {rows['reasons'].str.contains('perpendicular').sum()}" in text
    assert "HC < 120 mm" in text.replace("&lt;", "<")
    assert "audit/for_annotator.csv" in text


def test_the_limits_it_judges_by_are_given(audit_page):
    text = words(audit_page.read_text(encoding="utf-8"))
    for said in ("BPD below 0.6 of OFD", "above 1.05", "more than 0.17", "20°", "below 0.1 of", "0.25 of the radius"):
        assert said in text
    assert "confidence is at least 0.35" in text


def test_suspects_come_first_and_the_worst_of_them_before_the_rest(rows):
    suspect = rows["suspect"].to_numpy()
    assert not (np.diff(suspect.astype(int)) > 0).any()
    assert rows.loc[suspect, "score"].is_monotonic_decreasing
    assert rows.loc[~suspect, "score"].is_monotonic_decreasing
    (_, shown), (title, borderline) = render_audit.gallery(rows)
    assert [row["image_name"] for row in shown] == list(rows.loc[suspect, "image_name"])
    assert "Borderline" in title and len(borderline) == 6


def test_geometry_alone_needs_no_networks(labelled_run, audited, written_audit):
    html = written_audit(audited(labelled_run, networks=False), "geometry")
    text = words(html)
    assert "judged by their geometry alone" in text
    assert "Confidence" not in text and 'show-prediction" ' not in html and "<ellipse" not in html


def test_labels_without_pixel_sizes_and_without_suspects(labelled_run, audited, written_audit):
    rows = audited(labelled_run).assign(band="", suspect=False, verdict="sound", reasons="", score=0.3)
    text = words(written_audit(rows))
    assert "None of 40 labels is suspect" in text
    assert "By head size" not in text and "Suspects," not in text
    assert "Borderline" in text


def test_unknown_pixel_sizes_leave_the_head_size_open(labelled_run, limits):
    manifest = labelled_run.manifest.assign(pixel_size_mm=np.nan)
    rows = render_audit.audited_rows(manifest, labelled_run.audit, labelled_run.predictions, limits)
    assert set(rows["band"]) == {""}
    assert render_audit.band_table(rows) == []


def test_nothing_labelled_is_refused_with_a_remedy(unlabelled_run, labelled_run):
    with pytest.raises(InputError, match="landmark_table"):
        render_audit.audited_rows(unlabelled_run.manifest, labelled_run.audit.iloc[:0], unlabelled_run.predictions, {})


def test_the_annotators_table_is_complete_and_keeps_numbers(rows, labelled_run, tmp_path):
    write_frame(render_audit.annotator_table(rows), tmp_path / "annotator.csv")
    table = pd.read_csv(tmp_path / "annotator.csv")
    suggested = [f"suggested_{column}" for column in COLUMNS]
    assert list(table.columns) == [
        "image_name", "path", "verdict", "reasons", "score", *COLUMNS, *suggested, "confidence",
        "annotator_decision", "annotator_comment",
    ]  # fmt: skip
    assert set(table["image_name"]) == set(rows["image_name"])
    assert table["verdict"].is_monotonic_decreasing
    assert table["annotator_decision"].isna().all() and table["annotator_comment"].isna().all()
    assert np.allclose(table[suggested], labelled_run.predictions.loc[table["image_name"], list(COLUMNS)])


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_text_that_a_spreadsheet_would_run_is_neutralised(rows, start):
    name = f"{start}HYPERLINK(1)"
    changed = rows.assign(image_name=name, path=name, reasons=name, ofd_1_x=-3.5)
    table = render_audit.annotator_table(changed)
    assert (table[["image_name", "path", "reasons"]] == f"'{name}").all(axis=None)
    assert (table["ofd_1_x"] == -3.5).all()


def test_the_gallery_stops_at_sixty_and_the_page_stays_small(large_run, audited, written_audit):
    rows = audited(large_run)
    html = written_audit(rows)
    assert rows["suspect"].sum() > 60
    assert html.count('class="overlay"') == 66
    assert f"the worst 60 of {rows['suspect'].sum()}" in html
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
