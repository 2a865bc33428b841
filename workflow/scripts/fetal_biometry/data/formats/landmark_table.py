"""The challenge's format: one csv of eight coordinates a row, one image folder."""

from __future__ import annotations

from pathlib import Path

from fetal_biometry.configuration import Config
from fetal_biometry.data.label_table import Label
from fetal_biometry.data.source import NAME_COLUMN, PIXEL_SIZE_COLUMNS
from fetal_biometry.errors import InputError
from fetal_biometry.tables import Row, index_by_name, read_table
from fetal_biometry.terms import ACCEPTED_PREDICTION, COLUMNS, Review


def read_landmark_table(path: Path, config: Config) -> list[Label]:
    """The labels of a csv with ``image_name`` and `terms.COLUMNS`, and its pixel sizes where it has ``pixel_size_mm``.

    Columns of other names are passed over: label tables are other people's, and a ``bpd`` may be in pixels.
    """
    facts = {name: (name,) for name in PIXEL_SIZE_COLUMNS if name != "image_name"}
    columns = {"image_name": NAME_COLUMN, **{column: (column,) for column in (*COLUMNS, "status")}, **facts}
    rows = index_by_name(read_table(path, columns, (*facts, "status"), refuse_alike=False))
    return [_label(name, row) for name, row in rows.items()]


def _label(name: str, row: Row) -> Label:
    accepted = row["status"] == Review.ACCEPTED  # of a corrections.csv
    if row["status"] == Review.REJECTED or (accepted and not row[COLUMNS[0]]):
        return Label(name, row.place, row=row)
    source = ACCEPTED_PREDICTION if accepted else ""
    try:
        return Label(name, row.place, tuple(row.number_in(column) for column in COLUMNS), row=row, source=source)
    except InputError as error:
        return Label(name, row.place, problem=str(error))
