"""The challenge's format: one table of eight coordinates a row, one image folder."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from fetal_biometry.configuration import Config
from fetal_biometry.data.source import (
    NAME_COLUMN,
    Source,
    annotations_in,
    existing_folder,
    read_pixel_sizes,
    refuse_other_names,
    under_root,
    unless_bad,
    usable,
    with_facts,
)
from fetal_biometry.errors import InputError
from fetal_biometry.images.image_ref import ImageRef, find_images
from fetal_biometry.tables import Row, index_by_name, read_table
from fetal_biometry.terms import ACCEPTED_PREDICTION, COLUMNS, Review


def list_landmark_table(config: Config, drawn: Path) -> list[Source]:
    """The table's images; where most rows call the long axis BPD, names are exchanged in all."""
    folder = existing_folder(config)
    columns = {"image_name": NAME_COLUMN, **{column: (column,) for column in (*COLUMNS, "status")}}
    path = under_root(config, config.landmark_table)
    table = index_by_name(read_table(path, columns, optional=("status",)))
    references = (
        annotations_in(find_images(under_root(config, config.reference_folder))) if config.reference_folder else {}
    )
    present = {path.name for path in folder.iterdir()}
    pixel_sizes = read_pixel_sizes(config)
    refuse_other_names(pixel_sizes, set(table), folder)

    def source_of(name: str, row: Row) -> list[Source]:
        if name not in present:
            raise InputError(f"{row.place}: {folder / name} does not exist; add the image or remove the row.")
        image, status = ImageRef(folder / name), row["status"]  # of a corrections.csv
        if status == Review.REJECTED or (status == Review.ACCEPTED and not row[COLUMNS[0]]):
            return [with_facts(usable(Source(name, image)), pixel_sizes)]
        landmarks = tuple(row.number_in(column) for column in COLUMNS)
        label = ACCEPTED_PREDICTION if status == Review.ACCEPTED else ""
        source = Source(name, image, landmarks, reference=references.get(name), label_source=label, origin=str(path))
        return [with_facts(usable(source), pixel_sizes)]

    sources = []
    for name, row in table.items():
        sources += unless_bad(config, name, folder / name, source_of, name, row)
    swapped = names_swapped([source.landmarks for source in sources if source.labelled])
    label = "landmark table, names swapped" if swapped else "landmark table"
    return [_named(source, swapped, label) if source.labelled else source for source in sources]


def _named(source: Source, swapped: bool, label: str) -> Source:
    landmarks = swap_names(source.landmarks) if swapped else source.landmarks
    return replace(source, landmarks=landmarks, label_source=source.label_source or label)


def names_swapped(labels: list[tuple[float, ...]]) -> bool:
    """Whether a table calls the long axis BPD: whether most of its rows have BPD above OFD.

    Decided for the table as a whole: one row's order may be a slip, all rows' order is a habit.
    """
    longer = [math.dist(row[4:6], row[6:8]) > math.dist(row[0:2], row[2:4]) for row in labels]
    return sum(longer) > len(labels) / 2


def swap_names(label: tuple[float, ...]) -> tuple[float, ...]:
    """Eight coordinates with the two diameters exchanged."""
    return label[4:] + label[:4]
