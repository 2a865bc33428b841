"""What a person said of measurements: accepted, corrected or rejected, as the page of measurements saves it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fetal_biometry.errors import InputError
from fetal_biometry.frames import contents, points_of, sizes_of
from fetal_biometry.limits import FlagLimits
from fetal_biometry.measure.contradictions import find_contradictions
from fetal_biometry.measure.flags import SIZE_FLAGS, Measured, flag_heads
from fetal_biometry.measure.lengths import head_pixel_sizes, in_millimetres, outer_lengths
from fetal_biometry.measure.site import Site
from fetal_biometry.model.geometry import all_lengths, head_lengths, scale_diameters
from fetal_biometry.model.landmarks import canonical
from fetal_biometry.tables import Row, index_by_name, read_table
from fetal_biometry.terms import COLUMNS, LENGTH_COLUMNS, LENGTHS, SECOND_COLUMNS, Calliper, Review

REVIEW_COLUMNS = ("review", "reviewer", "reviewed", "comment")  # of predictions.csv, where corrections are given
_OPTIONAL = ("who", "when", "comment", "content", "convention")
_SAME_PX = 0.05  # the page shows landmarks to a hundredth of a pixel


def content_marks(images: pd.DataFrame) -> pd.Series:
    """What a corrections.csv has in ``content``: the first digits of each file's sha256.

    With a word before them, since spreadsheets read some digits alone as a number.
    """
    return "sha256:" + contents(images)


def read_corrections(path) -> dict[str, Row]:
    """Rows of a corrections.csv by image name.

    Each has ``status``, a `terms.Review`; ``who``, ``when`` and ``comment``; the landmarks, in original pixels; and
    where the page saved them ``content``, see `content_marks`, and ``convention``, that of the page's site.

    Raises
    ------
    InputError
        As of `tables.read_table`; an unknown status; a corrected row without its eight numbers, or an accepted one
        with some of them.
    """
    columns = {name: (name,) for name in ("image_name", "status", *COLUMNS, *_OPTIONAL)}
    rows = index_by_name(read_table(path, columns, optional=_OPTIONAL))
    for row in rows.values():
        status = row["status"]
        if status not in set(Review):
            raise InputError(f"{row.place}: status is {status!r}; give {', '.join(Review)}.")
        if status == Review.CORRECTED or (status == Review.ACCEPTED and _has_points(row)):
            for column in COLUMNS:
                row.number_in(column)
    return rows


def apply_corrections(
    table: pd.DataFrame,
    images: pd.DataFrame,
    rows: dict[str, Row],
    calliper: Calliper,
    site: Site | None = None,
    limits: FlagLimits | None = None,
) -> pd.DataFrame:
    """The predictions table as a person left it, with `REVIEW_COLUMNS`.

    A corrected head has the person's landmarks and lengths, no interval and no confidence, and only flags of the pixel
    size. A rejected one has no landmarks and no lengths. An accepted one is as it was measured; where it was measured
    otherwise when the person accepted it, its image has no review, see `describe_outdated`.

    Parameters
    ----------
    table : DataFrame
        See `biometry.measure`.
    images : DataFrame
        As of `biometry.measure`, and ``sha256``, of the same images in the same order.
    rows : dict
        Of `read_corrections`. Images of other runs may be among them, but not they alone.
    calliper : Calliper
        Of the model, whose convention a corrected BPD follows.
    site : Site, optional
        Whose convention the landmarks of ``rows`` follow; the table that is returned follows the model's.
    limits : FlagLimits, optional
        None raises no flag of a corrected head.

    Raises
    ------
    InputError
        No row names an image of the run; a row of another image of the same name, or of another convention; a landmark
        outside its image.
    """
    given = [rows.get(name) for name in table["image_name"]]
    if rows and not any(given):
        place = next(iter(rows.values())).place
        raise InputError(f"{place}: no row of this table names an image of this run; give the corrections of this run.")
    for row, content in zip(given, content_marks(images), strict=True):
        if row and row["content"]:  # else a file without these columns
            _refuse_other(row, content, site.convention if site else "")
    shown = points_of(table)
    if site is not None:
        shown = scale_diameters(shown, (site.ofd.factor, site.bpd.factor))
    given = [row if row and _concerns(row, head) else None for row, head in zip(given, shown, strict=True)]
    table = table.copy()
    for column, name in zip(REVIEW_COLUMNS, ("status", "who", "when", "comment"), strict=True):
        table[column] = [row[name] if row else "" for row in given]
    corrected = (table["review"] == Review.CORRECTED).to_numpy()
    emptied = corrected | (table["review"] == Review.REJECTED).to_numpy()
    table.loc[emptied, [*COLUMNS, *SECOND_COLUMNS, *LENGTH_COLUMNS, "confidence"]] = np.nan
    if corrected.any():
        images = images[corrected]
        points = _corrected_points([rows[name] for name in table["image_name"][corrected]], images)
        sizes = head_pixel_sizes(images, points)
        points = _long_axis_first(points, sizes)
        if site is not None:
            points = scale_diameters(points, (1 / site.ofd.factor, 1 / site.bpd.factor))
        in_px, in_mm = all_lengths(points), outer_lengths(points, sizes, calliper)
        table.loc[corrected, list(COLUMNS)] = points.reshape(-1, 8).round(3)
        for unit, lengths in (("px", in_px), ("mm", in_mm)):
            table.loc[corrected, [f"{length}_{unit}" for length in LENGTHS]] = lengths.round(3)
        table.loc[corrected, ["pixel_width_mm", "pixel_height_mm"]] = sizes
        table.loc[corrected, ["contradiction", "flags"]] = ""
        if limits is not None:
            contradictions = find_contradictions(images, points, in_mm, limits)
            quality = pd.DataFrame({"contradicted": [text != "" for text in contradictions]})
            lengths = np.where(np.isfinite(sizes[:, :1]), in_mm, in_px)
            no_intervals = np.full(lengths.shape, np.nan)
            heads = Measured(points, sizes_of(images), sizes, lengths, quality, no_intervals)
            table.loc[corrected, "contradiction"] = contradictions
            table.loc[corrected, "flags"] = flag_heads(heads, limits, SIZE_FLAGS)
    return table


def describe_outdated(table: pd.DataFrame, rows: dict[str, Row] | None) -> list[str]:
    """A line on accepted rows whose image `apply_corrections` left without a review; nothing where there are none."""
    if not rows:
        return []
    outdated = [rows[name] for name in table["image_name"][table["review"] == ""] if name in rows]
    if not outdated:
        return []
    accepted = len(outdated) + int((table["review"] == Review.ACCEPTED).sum())
    return [
        f"{len(outdated)} of {accepted} accepted rows are left out, first {outdated[0].place}: the lengths have "
        "changed since they were accepted; review them again."
    ]


def _has_points(row: Row) -> bool:
    return any(row[column] for column in COLUMNS)


def _concerns(row: Row, measured: np.ndarray) -> bool:
    """Whether a row concerns what was measured, landmarks (4, 2), NaN without a head: an accepted one no other head."""
    if row["status"] != Review.ACCEPTED:
        return True
    numbers = [row.number_in(column) for column in COLUMNS] if _has_points(row) else [np.nan] * len(COLUMNS)
    return np.allclose(numbers, measured.ravel(), rtol=0, atol=_SAME_PX, equal_nan=True)


def _refuse_other(row: Row, content: str, convention: str) -> None:
    """InputError where a row was saved from another image of this name, or in another convention."""
    if row["content"] != content:
        raise InputError(
            f"{row.place}: this review is of another image of the same name; remove the row, or give the corrections "
            "of this run."
        )
    if row["convention"] != convention:
        then, now = (name or "the model's own" for name in (row["convention"], convention))
        raise InputError(
            f"{row.place}: its convention is {then}, that of this run {now}; give the site of the review, or review "
            "this run."
        )


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


def _long_axis_first(points: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Landmarks (N, 4, 2) whose diameters are exchanged where BPD is the longer one, in mm where ``sizes`` tells."""
    bpd, ofd = head_lengths(in_millimetres(points, np.where(np.isnan(sizes), 1.0, sizes)))
    return canonical(np.where((bpd > ofd)[:, None, None], points[:, [2, 3, 0, 1]], points))
