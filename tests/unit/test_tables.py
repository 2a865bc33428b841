"""Tables as people bring them: what is read, and what each complaint says."""

import csv
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetal_biometry.errors import InputError
from fetal_biometry.names import composed
from fetal_biometry.tables import Row, index_by_name, read_table

COLUMNS = {"image_name": ("image_name", "filename"), "size": ("pixel_size_mm", "pixel size(mm)"), "hc": ("hc",)}


@pytest.fixture
def table(tmp_path):
    def write(content, encoding="utf-8"):
        path = tmp_path / "table.csv"
        path.write_bytes(content.encode(encoding))
        return path

    return write


def test_columns_go_by_any_of_their_names(table):
    rows = read_table(table("Pixel Size(mm) ,other,FILENAME,hc\n0.1,x, a.png ,200\n"), COLUMNS)
    assert rows == [{"image_name": "a.png", "size": "0.1", "hc": "200"}]


def test_a_byte_order_mark_windows_lines_blank_lines_and_quotes_do_no_harm(table):
    rows = read_table(
        table('image_name,hc,pixel_size_mm\r\n\r\n"a, b.png",1,2\r\n,,\r\nc.png,3,4\r\n', "utf-8-sig"), COLUMNS
    )
    assert [row["image_name"] for row in rows] == ["a, b.png", "c.png"]
    assert rows[1].place.endswith("table.csv, row 5 (c.png)")  # as a spreadsheet counts


def test_an_optional_column_may_be_missing(table):
    (row,) = read_table(table("image_name,hc\na.png,1\n"), COLUMNS, optional=("size",))
    assert row["size"] == ""


def test_numbers_are_finite_and_in_range(table):
    (row,) = read_table(table("image_name,size,hc\na.png, 1e-1 ,\n"), {**COLUMNS, "size": ("size",)})
    assert row.number_in("size") == 0.1
    assert row.number_in("size", minimum=0.1) == 0.1
    with pytest.raises(InputError, match=r"row 2 \(a\.png\): hc is '', not a finite number; correct or remove"):
        row.number_in("hc")
    with pytest.raises(InputError, match="size is '1e-1', not a number of at least 1; correct or remove"):
        row.number_in("size", minimum=1)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1.2.3", "12 px", "-"])
def test_what_is_no_number_is_refused(table, text):
    (row,) = read_table(table(f"image_name,hc\na.png,{text}\n"), COLUMNS, optional=("size",))
    for minimum in (-math.inf, 0):
        with pytest.raises(InputError, match=r"table\.csv, row 2 \(a\.png\): hc is .*; correct or remove the row"):
            row.number_in("hc", minimum)


names = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=12)


@given(
    st.lists(st.tuples(names, st.floats(allow_nan=False, allow_infinity=False)), unique_by=lambda row: composed(row[0]))
)
def test_what_was_written_is_read(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("written") / "table.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("image_name", "hc"), *rows])
    read = index_by_name(read_table(path, {"image_name": ("image_name",), "hc": ("hc",)}))
    assert [(name, row.number_in("hc")) for name, row in read.items()] == [(composed(name), hc) for name, hc in rows]


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: f"image_name,hc\n{text}".encode())))
def test_any_bytes_are_a_table_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "table.csv"
    path.write_bytes(content)
    try:
        rows = read_table(path, {"image_name": ("image_name",), "hc": ("hc",)})
        assert all(set(row) == {"image_name", "hc"} for row in rows)
    except InputError as error:
        assert str(path) in str(error)


@given(st.text(max_size=12))
def test_a_number_is_finite_or_refused(text):
    try:
        assert math.isfinite(Row({"hc": text}, Path("table.csv"), 2).number_in("hc"))
    except InputError as error:
        assert "table.csv, row 2" in str(error)
