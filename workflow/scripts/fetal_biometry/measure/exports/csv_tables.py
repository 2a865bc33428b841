"""Exports that are csv tables: the landmark challenge's, its baseline's, HC18's, and one of examinations."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fetal_biometry.frames import points_of
from fetal_biometry.measure.examinations import by_examination
from fetal_biometry.measure.lengths import in_millimetres
from fetal_biometry.model.geometry import landmarks_to_ellipse
from fetal_biometry.terms import COLUMNS


def task_a(table: pd.DataFrame) -> str:
    """The landmark challenge's format, in pixels."""
    task = table[["image_name"]].copy()
    corners = [f"{axis}{end}" for end in range(1, 5) for axis in "xy"]
    task[corners] = table[list(COLUMNS)].to_numpy()
    task[["bpd", "ofd"]] = table[["bpd_px", "ofd_px"]].to_numpy()
    return _as_csv(task, table)


def circumferences(table: pd.DataFrame) -> str:
    """The baseline's table of lengths, in pixels and in millimetres."""
    return _as_csv(table[["image_name", "bpd_px", "ofd_px", "hc_px", "bpd_mm", "ofd_mm", "hc_mm"]], table)


def hc18_submission(table: pd.DataFrame) -> str:
    """HC18's format, of the images with lengths in millimetres.

    Ellipse centre and semi axes in millimetres, outer-to-outer like the lengths, the angle of the long axis in
    radians, y pointing down.
    """
    known = table[table["hc_mm"].notna()]
    points = in_millimetres(points_of(known), known[["pixel_width_mm", "pixel_height_mm"]].to_numpy())
    centre, _, _, angle = landmarks_to_ellipse(points)
    semi_short, semi_long = np.sort(known[["bpd_mm", "ofd_mm"]].to_numpy(), axis=1).T / 2
    columns = {"filename": known["image_name"], "center_x_mm": centre[:, 0], "center_y_mm": centre[:, 1]}
    columns |= {"semi_axes_a_mm": semi_long, "semi_axes_b_mm": semi_short, "angle_rad": angle}
    return _as_csv(pd.DataFrame(columns).round(6), table)


def examinations(table: pd.DataFrame) -> str:
    """One value per examination: median and spread of each length over its images.

    See `examinations.by_examination`.
    """
    return _as_csv(by_examination(table), table)


def _as_csv(rows: pd.DataFrame, table: pd.DataFrame) -> str:
    """The rows as csv, with the ``convention`` beside them where the lengths of the predictions table are a site's."""
    if "convention" in table:
        rows = rows.assign(convention=table["convention"].iloc[0])
    return rows.to_csv(index=False, lineterminator="\n")
