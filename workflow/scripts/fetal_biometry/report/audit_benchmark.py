"""The audit's verdicts against the independent reference: precision and recall, by head size."""

import logging

import numpy as np
import pandas as pd

from fetal_biometry.errors import InputError
from fetal_biometry.frames import points_of
from fetal_biometry.measure.head_size import in_bands
from fetal_biometry.model.geometry import radius_in_ellipse
from fetal_biometry.terms import REFERENCE_COLUMNS, Verdict

WRONG_RADIUS = 0.3  # a label is wrong where a point lies further than this share of the radius off the ellipse


def benchmark_audit(images: pd.DataFrame, geometry: pd.DataFrame) -> dict:
    """Counts, precision and recall of the audit and of geometry alone, by head-size band.

    Parameters
    ----------
    images : DataFrame
        images.csv, with the audit's verdict.
    geometry : DataFrame
        Verdict on each label by geometry alone.

    Raises
    ------
    InputError
        When no label has an independent reference.
    """
    images = images[images[REFERENCE_COLUMNS[0]].notna() & (images["label_source"] != "")]
    if not len(images):
        raise InputError("no label has an independent reference; set reference_folder, or phantom_bad_labels.")
    radius = radius_in_ellipse(points_of(images), points_of(images, "reference_"))
    wrong = (np.abs(radius - 1) > WRONG_RADIUS).any(axis=1)
    bands = {"all": np.ones(len(wrong), bool)} | in_bands(images["reference_hc_mm"].to_numpy(dtype=float))
    results = {}
    for name, table in {"audit": images, "geometry": geometry.loc[images.index]}.items():
        results[name] = {band: _judge(table[rows], wrong[rows]) for band, rows in bands.items() if rows.any()}
        logging.info("%s: %s", name, results[name]["all"])
    return results


def _judge(table: pd.DataFrame, wrong: np.ndarray) -> dict:
    """Figures of one audit; None where a share has no rows."""
    invalid = (table["verdict"] == Verdict.INVALID).to_numpy()
    hits = int((invalid & wrong).sum())
    return {
        "n": len(wrong),
        "wrong": int(wrong.sum()),
        "invalid": int(invalid.sum()),
        "recall": hits / int(wrong.sum()) if wrong.any() else None,
        "precision": hits / int(invalid.sum()) if invalid.any() else None,
    }
