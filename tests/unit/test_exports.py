"""The tables that other programs read."""

import datetime
import io
import json
import time

import numpy as np
import openpyxl
import pandas as pd
import pytest
from openpyxl import load_workbook
from test_biometry import OTHER, OUTER, calibration, found_heads, images
from test_flags import HEAD, LIMITS

from fetal_biometry.measure import growth
from fetal_biometry.measure.biometry import measure
from fetal_biometry.measure.columns import EXAMINATIONS, PREDICTIONS
from fetal_biometry.measure.examinations import by_examination
from fetal_biometry.measure.exports import EXPORTS
from fetal_biometry.measure.lengths import outer_lengths
from fetal_biometry.measure.site import CONVENTIONS
from fetal_biometry.measure.site_lengths import in_site_convention
from fetal_biometry.model.geometry import landmarks_to_ellipse
from fetal_biometry.registry import registered
from fetal_biometry.terms import COLUMNS, LENGTH_COLUMNS, LENGTHS, Calliper

LOINC = {"bpd": "11820-8", "ofd": "11851-3", "hc": "11984-2"}


def described(table, examinations=("000", "001")):
    """With what is known of the images, as exports take it."""
    known = {"examination": examinations, "path": table["image_name"], "frame": np.nan}
    return table.assign(**known, width_px=800, height_px=540)


def measured(pixel_sizes=(0.1, np.nan), **more):
    """Two heads, the second without a pixel size."""
    return described(measure(found_heads(), images(list(pixel_sizes)), calibration(0.08, **more), LIMITS, OUTER))


def with_growth(table, chart="hadlock"):
    return table.join(growth.read_lengths(table, np.full(len(table), 14.5), chart))


def without_head(table):
    """The first row has no length: nothing was found."""
    empty = table.copy()
    empty.loc[0, [*COLUMNS, *LENGTH_COLUMNS]] = np.nan
    empty.loc[0, "flags"] = "no head found"
    return empty


def export(name, table):
    """As another program reads it."""
    return pd.read_csv(io.StringIO(EXPORTS[f"exports/{name}"](table)))


def refuse(text):
    raise AssertionError(f"{text} is no JSON")


def read_json(name, table):
    return json.loads(EXPORTS[f"exports/{name}"](table), parse_constant=refuse)


def test_the_landmark_challenge_s_table():
    task = export("taskA_predictions.csv", measured())
    assert list(task) == ["image_name", "x1", "y1", "x2", "y2", "x3", "y3", "x4", "y4", "bpd", "ofd"]
    assert task.loc[0, "x1":"y4"].to_numpy(dtype=float) == pytest.approx(HEAD.ravel(), abs=1e-3)
    assert (task["bpd"][0], task["ofd"][0]) == pytest.approx((300, 400), abs=1e-3)


def test_the_baseline_s_table_has_both_units():
    table = measured()
    results = export("HC_results.csv", table)
    assert list(results) == ["image_name", "bpd_px", "ofd_px", "hc_px", "bpd_mm", "ofd_mm", "hc_mm"]
    assert list(results["hc_px"]) == list(table["hc_px"])
    assert results["hc_mm"].isna().tolist() == [False, True]


@pytest.mark.parametrize("calliper", list(map(str, Calliper)))
def test_the_hc18_submission_is_the_ellipse_in_millimetres(calliper):
    """The one whose lengths are reported."""
    submission = export("hc18_submission.csv", measured(calliper=calliper))
    assert list(submission["filename"]) == ["000_HC.png"]
    row = submission.iloc[0]
    centre, _, _, angle = landmarks_to_ellipse(HEAD)
    bpd, ofd, _ = outer_lengths(HEAD[None], np.array([0.1]), Calliper(calliper))[0]
    assert (row.center_x_mm, row.center_y_mm) == pytest.approx(tuple(0.1 * centre), abs=1e-3)
    assert (2 * row.semi_axes_a_mm, 2 * row.semi_axes_b_mm) == pytest.approx((ofd, bpd), abs=1e-3)
    assert row.angle_rad == pytest.approx(angle, abs=1e-4)


def test_without_pixel_sizes_the_submission_is_empty_but_has_its_columns():
    submission = export("hc18_submission.csv", measured((np.nan, np.nan)))
    assert len(submission) == 0
    assert submission.columns[0] == "filename" and len(submission.columns) == 6


def test_measurements_are_plain_values_with_their_units():
    first, second = read_json("measurements.json", measured())
    assert first["image"] == "000_HC.png" and first["pixel_size_mm"] == [0.1, 0.1] and first["flags"] == []
    coded = {"unit": "mm", "loinc": LOINC["bpd"]}
    assert first["bpd"] == {"value": 30, "low": pytest.approx(27.6), "high": pytest.approx(32.4)} | coded
    assert first["hc"]["low"] < first["hc"]["value"] < first["hc"]["high"]
    assert first["landmarks_px"]["ofd_1"] == pytest.approx(HEAD[0].tolist(), abs=1e-3)
    assert second["ofd"]["value"] == 200 and second["ofd"]["unit"] == "px"
    assert (second["ofd"]["low"], second["ofd"]["high"]) == pytest.approx((184, 216))
    assert second["landmarks_px"]["bpd_2"] == pytest.approx(OTHER[3].tolist(), abs=1e-3)
    assert second["pixel_size_mm"] is None and second["flags"] == ["low confidence", "no pixel size"]
    assert [entry["examination"] for entry in (first, second)] == ["000", "001"]


def test_what_is_unknown_is_null():
    table = measure(found_heads(confidence=(np.nan, np.nan)), images([0.1, np.nan]), {}, LIMITS, OUTER)
    for entry in read_json("measurements.json", described(table)):
        assert entry["confidence"] is None
        assert all(entry[name]["low"] is None and entry[name]["value"] > 0 for name in LENGTHS)


def test_fhir_observations_are_coded_lengths_in_millimetres():
    """Of the head with a pixel size; the other has none that a chart of units knows."""
    table = with_growth(measured())
    bundle = read_json("fhir.json", table)
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "collection")
    assert len({entry["fullUrl"] for entry in bundle["entry"]}) == len(bundle["entry"])
    coded = [
        (item["code"]["coding"][0]["code"], item["valueQuantity"]["value"], item["valueQuantity"]["code"])
        for item in (entry["resource"] for entry in bundle["entry"])
        if item["derivedFrom"][0]["display"] == "000_HC.png"
    ]
    row = table.iloc[0]
    expected = [(LOINC[name], row[f"{name}_mm"], "mm") for name in LENGTHS]
    expected += [("11823-2", row["cephalic_index"], "1")]
    expected += [("18185-9", row[f"age_weeks_{name}"], "wk") for name in ("hc", "bpd") if row[f"age_weeks_{name}"] > 0]
    assert coded == expected and len(coded) >= 4
    for item in (entry["resource"] for entry in bundle["entry"]):
        assert item["resourceType"] == "Observation" and item["status"] == "preliminary"
        assert item["code"]["coding"][0]["system"] == "http://loinc.org"
        assert item["valueQuantity"]["system"] == "http://unitsofmeasure.org"
    low, high = (part["valueQuantity"]["value"] for part in bundle["entry"][0]["resource"]["component"])
    assert (low, high) == (row["bpd_mm_low"], row["bpd_mm_high"])
    assert {entry["resource"]["partOf"][0]["identifier"]["value"] for entry in bundle["entry"]} == {"000", "001"}


def test_fhir_says_nothing_where_nothing_is():
    assert "entry" not in read_json("fhir.json", measured((np.nan, np.nan)))


def sheets(table):
    return pd.read_excel(io.BytesIO(EXPORTS["predictions.xlsx"](table)), sheet_name=None, dtype={"loinc": str})


def test_the_workbook_s_numbers_are_numbers_and_its_texts_texts():
    table = with_growth(measured())
    table.loc[0, "image_name"] = "=1+1.png"
    book = load_workbook(io.BytesIO(EXPORTS["predictions.xlsx"](table)))
    header, first, second = book["predictions"].iter_rows()
    cells = {cell.value: row for cell, row in zip(header, first, strict=True)}
    assert cells["image_name"].data_type == "s" and cells["image_name"].value == "=1+1.png"
    assert cells["bpd_mm"].data_type == "n" and cells["bpd_mm"].value == 30 and "mm" in cells["bpd_mm"].number_format
    assert "px" in cells["bpd_px"].number_format and "wk" in cells["age_weeks_hc"].number_format
    assert {cell.value: row.value for cell, row in zip(header, second, strict=True)}["bpd_mm"] is None
    found = sheets(table)["predictions"]
    for column in (one for one in PREDICTIONS if one.name in found.dropna(axis=1, how="all")):
        assert pd.api.types.is_numeric_dtype(found[column.name]) == (column.unit != ""), column
        if column.unit:
            assert found[column.name].to_numpy(float) == pytest.approx(table[column.name].to_numpy(float), nan_ok=True)


def test_the_workbook_describes_each_of_its_columns():
    book = sheets(with_growth(measured()))
    dictionary = book["columns"].set_index(["sheet", "column"])
    for sheet in ("predictions", "examinations"):
        assert list(dictionary.loc[sheet].index) == list(book[sheet])
    assert dictionary["meaning"].notna().all()
    assert dictionary.loc[("predictions", "hc_mm"), ["unit", "loinc"]].tolist() == ["mm", LOINC["hc"]]


def test_the_same_measurements_give_the_same_bytes(monkeypatch):
    first = {name: export(measured()) for name, export in EXPORTS.items()}
    monkeypatch.setattr(time, "time", lambda: 2e9)
    monkeypatch.setattr(openpyxl.writer.excel.datetime, "datetime", Later)
    assert {name: export(measured()) for name, export in EXPORTS.items()} == first


class Later(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2033, 5, 18, tzinfo=tz)


def test_every_column_of_the_tables_is_described():
    table = with_growth(measure(found_heads(), images([0.1, 0.1]), {}, LIMITS, OUTER))
    table = in_site_convention(table, CONVENTIONS["mid_skull"])
    table = table.assign(review="accepted", reviewer="A", reviewed="2026-01-01", comment="")
    assert list(table) == [column.name for column in PREDICTIONS]
    assert list(by_examination(described(table))) == [column.name for column in EXAMINATIONS]


def test_an_examination_has_the_median_of_its_images_and_how_far_they_lie_apart():
    table = described(measure(found_heads(), images([0.1, 0.1]), {}, LIMITS, OUTER), ("7", "7"))
    (row,) = by_examination(table).to_dict("records")
    assert (row["examination"], row["images"], row["measured"], row["flagged"]) == ("7", 2, 2, 1)
    assert (row["ofd_mm"], row["ofd_mm_spread"]) == pytest.approx((30, 20))  # 40 and 20 mm
    assert (row["bpd_mm"], row["bpd_mm_spread"]) == pytest.approx((23, 14))  # 30 and 16 mm
    alone, other = by_examination(measured()).to_dict("records")
    assert alone["ofd_mm"] == pytest.approx(40) and np.isnan(alone["ofd_mm_spread"])
    assert other["images"] == 1 and other["measured"] == 0 and np.isnan(other["hc_mm"])


def test_an_image_without_a_head_has_no_length_in_any_export():
    table = with_growth(without_head(measured((0.1, 0.1))))
    assert len(export("hc18_submission.csv", table)) == 1
    assert export("taskA_predictions.csv", table).loc[0, "x1":].isna().all()
    first, second = read_json("measurements.json", table)
    assert first["landmarks_px"] is None and all(first[name]["value"] is None for name in LENGTHS)
    assert second["hc"]["value"] > 0
    names = [entry["resource"]["derivedFrom"][0]["display"] for entry in read_json("fhir.json", table)["entry"]]
    assert set(names) == {"001_HC.png"}
    book = sheets(table)
    assert book["predictions"].loc[0, [*COLUMNS, "hc_mm"]].isna().all()
    assert book["examinations"].loc[0, "measured"] == 0


def test_the_rules_list_every_export():
    assert registered("measure.exports", "EXPORTS") == tuple(EXPORTS)
    for module, name in (("measure.exports", "content"), ("measure.columns", "EXPORTS")):
        with pytest.raises(LookupError):
            registered(module, name)
