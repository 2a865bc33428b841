"""Numbers as a reader sees them, and what the figures of the report draw."""

import re
from pathlib import Path
from urllib.parse import parse_qs
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from fetal_biometry.report import drawing, figures, report, wording


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
    assert [wording.signed(v) for v in (1.0, -1.0, 0.0, 0.001, None)] == ["+1.00", "−1.00", "0.00", "0.00", "–"]
    assert wording.factor({"mae": 2.0, "constant_mae": 30.0}) == "15×"
    assert wording.factor({"mae": 2.0, "constant_mae": 5.0}) == "2.5×"
    assert (
        wording.factor({"mae": 2.0, "constant_mae": None}) == wording.factor({"mae": 2.0, "constant_mae": np.nan}) == ""
    )
    assert [wording.duration(s) for s in (9.4, 333.3, 7260)] == ["9 s", "5 min 33 s", "2 h 1 min"]


@pytest.fixture(scope="module")
def judged(labelled_run):
    rows = report.measured_rows(labelled_run)
    return rows[(rows["split"] == "test") & (rows["verdict"] == "valid")]


@pytest.fixture(scope="module")
def agreement(labelled_run, judged):
    return figures.bland_altman(judged, "hc", labelled_run.metrics["splits"]["test"]["all"]["hc"], "mm")


def test_the_light_scheme_of_the_page_has_the_colours_of_figures():
    css = Path(drawing.__file__).with_name("page.css").read_text(encoding="utf-8")
    light = dict(re.findall(r"--(\w+): (#\w{6});", css[: css.index("@media")]))
    assert {name: light[name] for name in drawing.PALETTE} == drawing.PALETTE


def test_every_colour_of_a_figure_comes_from_the_page(agreement):
    assert not re.findall(r"#[0-9a-f]{6}\b", agreement.svg)
    assert {"ink", "soft"} <= set(re.findall(r"var\(--(\w+)\)", agreement.svg)) <= set(drawing.PALETTE)
    assert "<style" not in agreement.svg and "font-family" not in agreement.svg


def test_each_point_is_named_and_leads_to_its_image(agreement, judged):
    links = ElementTree.fromstring(agreement.svg).findall(".//a")
    assert len(links) == len(judged) > 5
    named = {link.find("title").text.rpartition(": ")[0]: link for link in links}
    assert set(named) == set(judged["image_name"])
    for name, link in named.items():
        assert parse_qs(link.get("href").partition("?")[2]) == {"text": [name]}
        assert link.get("aria-label") == link.find("title").text


def height_of(mark) -> float:
    """Where the middle of a mark lies, from the top; few marks are drawn as paths of their own."""
    if mark.tag == "use":
        return float(mark.get("y"))
    heights = [float(y) for y in re.findall(r"[ML] \S+ (\S+)", mark.get("d"))]
    return (min(heights) + max(heights)) / 2


def test_a_point_lies_where_its_error_is(agreement, judged):
    """A line through the points of two images gives the place of a third: both axes are linear."""
    links = ElementTree.fromstring(agreement.svg).findall(".//a")
    y = {link.find("title").text.rpartition(": ")[0]: height_of(link[0]) for link in links}
    errors = judged.set_index("image_name")["hc_error"].sort_values()
    low, high = errors.iloc[[0, -1]]
    for name, error in errors.items():
        expected = y[errors.index[0]] + (error - low) / (high - low) * (y[errors.index[-1]] - y[errors.index[0]])
        assert y[name] == pytest.approx(expected, abs=0.05)
    assert y[errors.index[-1]] < y[errors.index[0]]  # SVG counts from the top


def test_validation_errors_are_left_out_where_none_were_taken(labelled_run):
    history, model = labelled_run.history, labelled_run.metrics["model"]
    _, validation = figures.training_curves(history, model)
    assert f"HC {wording.number(history['validation_hc_mae_px'].iloc[-1])}" in validation.message
    taken = history.filter(like="validation").columns
    for untaken in (history.assign(**dict.fromkeys(taken, np.nan)), history.drop(columns=taken)):
        assert len(figures.training_curves(untaken, model)) == 1


def test_scores_above_the_limit_are_counted():
    assert re.findall(r"\d+", figures.score_figure(pd.Series([0.2, 0.99, 1.01, 7.0])).message)[:2] == ["2", "4"]
