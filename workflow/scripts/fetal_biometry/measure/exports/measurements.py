"""Plain nested values for other programs."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from fetal_biometry.frames import points_of
from fetal_biometry.measure.columns import MILLIMETRES, PIXELS, PREDICTIONS
from fetal_biometry.terms import LANDMARKS, LENGTHS

_ENDS = {"value": "", "low": "_low", "high": "_high"}
_LOINC = {column.name: column.loinc for column in PREDICTIONS if column.loinc}
_READINGS = {column.name: column.unit for column in PREDICTIONS if column.loinc and column.unit != MILLIMETRES}


def measurements(table: pd.DataFrame) -> str:
    """Plain nested values of each image with units and LOINC codes, as JSON.

    See `entries`.
    """
    return json.dumps(entries(table), indent=1, ensure_ascii=False) + "\n"


def entries(table: pd.DataFrame) -> list[dict]:
    """Plain values, an entry an image; None where something is unknown.

    ``image``; ``examination``; ``pixel_size_mm``, across and down; ``landmarks_px`` by name, ``[x, y]`` in original
    pixels, of which the first one's centre is ``[0, 0]``; ``bpd``, ``ofd`` and ``hc``, each with ``value``, ``low`` and
    ``high`` (the ends of its interval), ``unit`` (mm outer-to-outer where the pixel size is known, else px) and
    ``loinc``; ``confidence``; ``convention`` where lengths are a site's; ``flags``. With a growth chart
    ``cephalic_index``, ``age_weeks_hc`` and ``age_weeks_bpd``, each with ``value``, ``unit`` (a UCUM code, as mm is)
    and ``loinc``.
    """
    readings = {name: unit for name, unit in _READINGS.items() if name in table}
    return [
        _entry(row, points, readings) for row, points in zip(table.to_dict("records"), points_of(table), strict=True)
    ]


def _entry(row: dict, points: np.ndarray, readings: dict[str, str]) -> dict:
    size = [row["pixel_width_mm"], row["pixel_height_mm"]]
    known = bool(np.isfinite(size).all())
    unit = MILLIMETRES if known else PIXELS
    found = bool(np.isfinite(points).all())
    entry = {
        "image": row["image_name"],
        "examination": row["examination"],
        "pixel_size_mm": size if known else None,
        "landmarks_px": dict(zip(LANDMARKS, points.tolist(), strict=True)) if found else None,
    }
    for name in LENGTHS:
        values = {key: _or_none(row[f"{name}_{unit}{end}"]) for key, end in _ENDS.items()}
        entry[name] = values | {"unit": unit, "loinc": _LOINC[f"{name}_mm"]}
    for name, ucum in readings.items():
        entry[name] = {"value": _or_none(row[name]), "unit": ucum, "loinc": _LOINC[name]}
    entry["confidence"] = _or_none(row["confidence"])
    if "convention" in row:
        entry["convention"] = row["convention"]
    return entry | {"flags": [flag for flag in row["flags"].split(";") if flag]}


def _or_none(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
