"""The audit's verdicts against the independent reference: ROC, precision and recall, by head size."""

import logging

import numpy as np
import pandas as pd

from fetal_biometry.errors import InputError
from fetal_biometry.frames import points_of
from fetal_biometry.measure.head_size import in_bands
from fetal_biometry.model.geometry import radius_in_ellipse
from fetal_biometry.report.drawing import PALETTE, new_figure, save_svg
from fetal_biometry.terms import REFERENCE_COLUMNS, Verdict

WRONG_RADIUS = 0.3  # a label is wrong where a point lies further than this share of the radius off the ellipse


def benchmark_audit(images: pd.DataFrame, geometry: pd.DataFrame, figure_path) -> dict:
    """Counts, precision, recall and area under the ROC curve of the audit and of geometry alone, by head-size band.

    Parameters
    ----------
    images : DataFrame
        images.csv, with the audit's verdict and score.
    geometry : DataFrame
        Verdict and score of each label by geometry alone.
    figure_path : path
        Where the ROC curves go, as SVG.

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
    results, (figure, axes) = {}, new_figure(4, width=4)
    axes.set(xlabel="right labels called invalid", ylabel="wrong labels called invalid", aspect="equal")
    audits = {"audit": (images, "audit", "-"), "geometry": (geometry.loc[images.index], "geometry alone", "--")}
    for name, (table, title, style) in audits.items():
        results[name] = {band: _judge(table[rows], wrong[rows]) for band, rows in bands.items() if rows.any()}
        false, true, area = roc(table["score"].to_numpy(), wrong)
        axes.plot(false, true, style, color=PALETTE["ink"], label=f"{title}, area {area:.3f}")
        logging.info("%s: %s", title, results[name]["all"])
    axes.legend(loc="lower right")
    save_svg(figure, figure_path)
    return results


def roc(score: np.ndarray, wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """False and true positive rates as the threshold falls, and the area under them (ties count half)."""
    thresholds = np.r_[np.inf, np.unique(score)[::-1]]
    true = np.array([(score[wrong] >= value).mean() for value in thresholds])
    false = np.array([(score[~wrong] >= value).mean() for value in thresholds])
    return false, true, float(np.trapezoid(true, false))


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
        "auc": roc(table["score"].to_numpy(), wrong)[2] if wrong.any() and not wrong.all() else None,
    }
