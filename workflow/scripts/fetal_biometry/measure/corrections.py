"""What a person said of measurements: accepted, corrected or rejected, as the page of measurements saves it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fetal_biometry.errors import InputError
from fetal_biometry.measure.flags import DOUBTS
from fetal_biometry.measure.lengths import head_pixel_sizes, outer_lengths
from fetal_biometry.measure.site import Site
from fetal_biometry.model.geometry import all_lengths, scale_diameters
from fetal_biometry.model.landmarks import canonical
from fetal_biometry.tables import Row, index_by_name, read_table
from fetal_biometry.terms import COLUMNS, LENGTH_COLUMNS, LENGTHS, SECOND_COLUMNS, Calliper, Review

REVIEW_COLUMNS = ("review", "reviewer", "reviewed", "comment")  # of predictions.csv, where corrections are given


def read_corrections(path) -> dict[str, Row]:
    """Rows of a corrections.csv by image name.

    Each has ``status``, a `terms.Review`; ``who``, ``when`` and ``comment``; and the landmarks, in original pixels.

    Raises
    ------
    InputError
        As of `tables.read_table`; an unknown status; a corrected row without its eight numbers.
    """
    columns = {name: (name,) for name in ("image_name", "status", "who", "when", "comment", *COLUMNS)}
    rows = index_by_name(read_table(path, columns, optional=("who", "when", "comment")))
    for row in rows.values():
        if row["status"] not in set(Review):
            raise InputError(f"{row.place}: status is {row['status']!r}; give {', '.join(Review)}.")
        if row["status"] == Review.CORRECTED:
            for column in COLUMNS:
                row.number_in(column)
    return rows


def apply_corrections(
    table: pd.DataFrame, images: pd.DataFrame, rows: dict[str, Row], calliper: Calliper, site: Site | None = None
) -> pd.DataFrame:
    """The predictions table as a person left it, with `REVIEW_COLUMNS`.

    A corrected head has the person's landmarks and lengths, no interval and no confidence, and no flag that doubts the
    head. A rejected one has no landmarks and no lengths. An accepted one is as it was measured.

    Parameters
    ----------
    table : DataFrame
        See `biometry.measure`.
    images : DataFrame
        ``pixel_size_mm``, ``calibrated_regions``, ``width_px`` and ``height_px`` of the same images in the same order.
    rows : dict
        Of `read_corrections`. Images of other runs may be among them, but not they alone.
    calliper : Calliper
        Of the model, whose convention a corrected BPD follows.
    site : Site, optional
        Whose convention the corrected points follow; the table that is returned follows the model's.

    Raises
    ------
    InputError
        No row names an image of the run; a landmark outside its image.
    """
    given = [rows.get(name) for name in table["image_name"]]
    if rows and not any(given):
        place = next(iter(rows.values())).place
        raise InputError(f"{place}: no row of this table names an image of this run; give the corrections of this run.")
    table = table.copy()
    for column, name in zip(REVIEW_COLUMNS, ("status", "who", "when", "comment"), strict=True):
        table[column] = [row[name] if row else "" for row in given]
    corrected = (table["review"] == Review.CORRECTED).to_numpy()
    emptied = corrected | (table["review"] == Review.REJECTED).to_numpy()
    table.loc[emptied, [*COLUMNS, *SECOND_COLUMNS, *LENGTH_COLUMNS, "confidence"]] = np.nan
    if corrected.any():
        points = _corrected_points([rows[name] for name in table["image_name"][corrected]], images[corrected])
        sizes = head_pixel_sizes(images[corrected], points)
        if site is not None:
            points = scale_diameters(points, (1 / site.ofd.factor, 1 / site.bpd.factor))
        table.loc[corrected, list(COLUMNS)] = points.reshape(-1, 8).round(3)
        for unit, lengths in (("px", all_lengths(points)), ("mm", outer_lengths(points, sizes, calliper))):
            table.loc[corrected, [f"{length}_{unit}" for length in LENGTHS]] = lengths.round(3)
        table.loc[corrected, ["pixel_width_mm", "pixel_height_mm"]] = sizes
        table.loc[corrected, "flags"] = [_undoubted(flags) for flags in table.loc[corrected, "flags"]]
    return table


def _corrected_points(rows: list[Row], images: pd.DataFrame) -> np.ndarray:
    """Landmarks (N, 4, 2) of corrected rows, all within their images."""
    points = canonical(np.array([[row.number_in(column) for column in COLUMNS] for row in rows]).reshape(-1, 4, 2))
    sizes = images[["width_px", "height_px"]].to_numpy(dtype=float)[:, None]
    outside = ((points < -0.5) | (points > sizes - 0.5)).any(axis=(1, 2))
    if outside.any():
        row, (width, height) = rows[int(outside.argmax())], sizes[int(outside.argmax()), 0]
        raise InputError(
            f"{row.place}: a landmark lies outside the image of {width:.0f}x{height:.0f} pixels; give original pixels."
        )
    return points


def _undoubted(flags: str) -> str:
    """The flags that stay when a person has placed the head."""
    return ";".join(flag for flag in flags.split(";") if flag not in DOUBTS)
