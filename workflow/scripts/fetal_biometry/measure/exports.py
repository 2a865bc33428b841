"""The predictions in the formats of other programs: one entry a file."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd

from fetal_biometry.frames import points_of
from fetal_biometry.measure.lengths import in_millimetres
from fetal_biometry.model.geometry import landmarks_to_ellipse
from fetal_biometry.terms import COLUMNS, LANDMARKS, LENGTHS


def task_a(table: pd.DataFrame) -> str:
    """The landmark challenge's format."""
    task = table[["image_name"]].copy()
    corners = [f"{axis}{end}" for end in range(1, 5) for axis in "xy"]
    task[corners] = table[list(COLUMNS)].to_numpy()
    task[["bpd", "ofd"]] = table[["bpd_px", "ofd_px"]].to_numpy()
    return _csv(task, table)


def circumferences(table: pd.DataFrame) -> str:
    """The baseline's table of lengths."""
    return _csv(table[["image_name", "bpd_px", "ofd_px", "hc_px", "bpd_mm", "ofd_mm", "hc_mm"]], table)


def hc18_submission(table: pd.DataFrame) -> str:
    """HC18's format, of the images with a known pixel size.

    Ellipse centre and semi axes in millimetres, outer-to-outer like the lengths, the angle of the long axis in
    radians, y pointing down.
    """
    known = table[table["pixel_width_mm"].notna()]
    points = in_millimetres(points_of(known), known[["pixel_width_mm", "pixel_height_mm"]].to_numpy())
    centre, _, _, angle = landmarks_to_ellipse(points)
    semi_short, semi_long = np.sort(known[["bpd_mm", "ofd_mm"]].to_numpy(), axis=1).T / 2
    columns = {"filename": known["image_name"], "center_x_mm": centre[:, 0], "center_y_mm": centre[:, 1]}
    columns |= {"semi_axes_a_mm": semi_long, "semi_axes_b_mm": semi_short, "angle_rad": angle}
    return _csv(pd.DataFrame(columns).round(6), known)


def measurements(table: pd.DataFrame) -> str:
    """Plain nested values for other programs, an entry an image; null where something is unknown.

    ``image``; ``pixel_size_mm``, across and down; ``landmarks_px`` by name, ``[x, y]`` in original pixels, of which the
    first one's centre is ``[0, 0]``; ``bpd``, ``ofd`` and ``hc``, each with its ``value``, the ends of its interval,
    ``low`` and ``high``, and its ``unit``, mm outer-to-outer where the pixel size is known, else px; ``confidence``;
    ``convention`` where lengths are a site's; ``flags``.
    """
    entries = []
    for row, points in zip(table.to_dict("records"), points_of(table), strict=True):
        size = [row["pixel_width_mm"], row["pixel_height_mm"]]
        known = bool(np.isfinite(size).all())
        unit = "mm" if known else "px"
        ends = {"value": "", "low": "_low", "high": "_high"}
        lengths = {
            name: {key: _or_none(row[f"{name}_{unit}{end}"]) for key, end in ends.items()} | {"unit": unit}
            for name in LENGTHS
        }
        entries.append(
            {
                "image": row["image_name"],
                "pixel_size_mm": size if known else None,
                "landmarks_px": dict(zip(LANDMARKS, points.tolist(), strict=True)),
                **lengths,
                "confidence": _or_none(row["confidence"]),
                **({"convention": row["convention"]} if "convention" in row else {}),
                "flags": [flag for flag in row["flags"].split(";") if flag],
            }
        )
    return json.dumps(entries, indent=1) + "\n"


EXPORTS: dict[str, Callable[[pd.DataFrame], str]] = {
    "taskA_predictions.csv": task_a,
    "HC_results.csv": circumferences,
    "hc18_submission.csv": hc18_submission,
    "measurements.json": measurements,
}
"""From a file's name to what makes its text of a predictions table, see `biometry.measure`."""


def _csv(rows: pd.DataFrame, table: pd.DataFrame) -> str:
    """The rows as text; ``convention`` stands beside them where lengths are a site's."""
    said = table[["convention"]] if "convention" in table else table[[]]
    return rows.join(said).to_csv(index=False, lineterminator="\n")


def _or_none(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
