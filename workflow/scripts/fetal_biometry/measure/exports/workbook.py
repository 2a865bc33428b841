"""The measurements as a spreadsheet with typed cells: predictions, examinations, data dictionary."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence

import pandas as pd
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from fetal_biometry.measure.columns import EXAMINATIONS, PREDICTIONS, TEXT, Column
from fetal_biometry.measure.examinations import by_examination

_FORMATS = {"px": '0.0" px"', "mm": '0.00" mm"', "wk": '0.0" wk"', "%": '0.0" %"'}
_FINE = ("pixel_width_mm", "pixel_height_mm")  # a hundredth of a millimetre is a tenth of them
_WIDEST = 60  # characters


def workbook(table: pd.DataFrame) -> bytes:
    """A spreadsheet of predictions, examinations and what their columns mean, each a sheet.

    The sheets are ``predictions``, ``examinations`` and ``columns``. Numbers are numbers, texts are never calculated,
    what is unknown is an empty cell. Cells show their unit, which is part of their format and not of their value.
    """
    columns = [column for column in PREDICTIONS if column.name in table]
    book = Workbook(write_only=True)
    _add_sheet(book, "predictions", columns, table)
    _add_sheet(book, "examinations", EXAMINATIONS, by_examination(table))
    rows = [("predictions", column) for column in columns] + [("examinations", column) for column in EXAMINATIONS]
    dictionary = pd.DataFrame(
        [(sheet, column.name, column.unit, column.meaning, column.loinc) for sheet, column in rows],
        columns=["sheet", "column", "unit", "meaning", "loinc"],
    )
    _add_sheet(book, "columns", [Column(name, TEXT, "") for name in dictionary], dictionary)
    written = io.BytesIO()
    book.save(written)
    return _without_dates(written.getvalue())


def _add_sheet(book: Workbook, title: str, columns: Sequence[Column], table: pd.DataFrame) -> None:
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "B2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{len(table) + 1}"
    for number, column in enumerate(columns, start=1):
        longest = max(map(len, [column.name, *table[column.name].astype(str)])) if column.unit == TEXT else 0
        width = min(max(longest, len(column.name)) + 3, _WIDEST)
        sheet.column_dimensions[get_column_letter(number)].width = width
    header = [_cell(sheet, column.name, None) for column in columns]
    for cell in header:
        cell.font = Font(bold=True)
    sheet.append(header)
    formats = ['0.0000" mm"' if column.name in _FINE else _FORMATS.get(column.unit) for column in columns]
    for row in table[[column.name for column in columns]].itertuples(index=False):
        sheet.append(_cell(sheet, value, shown) for value, shown in zip(row, formats, strict=True))


def _cell(sheet, value, shown: str | None) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet, None if pd.isna(value) or value == "" else value)
    if isinstance(value, str) and value:
        cell.data_type = "s"  # or a name that begins with = would be a formula
    if shown:
        cell.number_format = shown
    return cell


def _without_dates(book: bytes) -> bytes:
    """The same archive, which says nowhere when it was written."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as source, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"1980-01-01T00:00:00Z", content)
            undated = zipfile.ZipInfo(entry.filename)  # of 1980, the earliest that an archive knows
            target.writestr(undated, content, zipfile.ZIP_DEFLATED)
    return written.getvalue()
