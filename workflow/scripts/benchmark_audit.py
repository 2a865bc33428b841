"""Hold the audit's verdicts against the independent reference: ROC, precision and recall, by band of HC."""

import logging

import numpy as np
import pandas as pd

from fetal_biometry import job
from fetal_biometry.errors import InputError
from fetal_biometry.frames import points_of, read_frame
from fetal_biometry.model.geometry import radius_in_ellipse
from fetal_biometry.model.landmarks import REFERENCE_COLUMNS
from fetal_biometry.report.drawing import pyplot, save_svg
from fetal_biometry.report.statistics import in_bands

BAD_RADIUS = 0.3  # a row is truly bad when a point lies further than this share of the radius off the ellipse


def roc(score: np.ndarray, bad: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """False and true positive rates as the threshold falls, and the area under them (ties count half)."""
    thresholds = np.r_[np.inf, np.unique(score)[::-1]]
    true = np.array([(score[bad] >= value).mean() for value in thresholds])
    false = np.array([(score[~bad] >= value).mean() for value in thresholds])
    return false, true, float(np.trapezoid(true, false))


def judge(table: pd.DataFrame, bad: np.ndarray) -> dict:
    """Counts, precision, recall and area under the curve of one audit; None where a share has no rows."""
    flagged = (table["verdict"] == "suspect").to_numpy()
    hits = int((flagged & bad).sum())
    return {
        "n": len(bad),
        "bad": int(bad.sum()),
        "flagged": int(flagged.sum()),
        "recall": hits / int(bad.sum()) if bad.any() else None,
        "precision": hits / int(flagged.sum()) if flagged.any() else None,
        "auc": roc(table["score"].to_numpy(), bad)[2] if bad.any() and not bad.all() else None,
    }


if __name__ == "__main__":
    with job.start(snakemake):
        manifest = read_frame(snakemake.input.manifest)
        referenced = manifest[REFERENCE_COLUMNS[0]].notna() & (manifest["label_source"] != "")
        manifest = manifest[referenced]
        if not len(manifest):
            raise InputError("no label has an independent reference; set reference_folder, or phantom_bad_labels.")
        truth = manifest[list(REFERENCE_COLUMNS)].to_numpy(dtype=float).reshape(-1, 4, 2)
        bad = (np.abs(radius_in_ellipse(points_of(manifest), truth) - 1) > BAD_RADIUS).any(axis=1)
        rows = {"all": np.ones(len(bad), bool)} | in_bands(manifest["reference_hc_mm"].to_numpy(dtype=float))
        results, figure = {}, pyplot.figure(figsize=(4, 4))
        axes = figure.add_subplot(xlabel="sound rows flagged", ylabel="bad rows flagged", aspect="equal")
        for name, style in (("audit", "-"), ("screen", "--")):
            table = read_frame(snakemake.input[name]).loc[manifest.index]
            results[name] = {band: judge(table[inside], bad[inside]) for band, inside in rows.items() if inside.any()}
            false, true, area = roc(table["score"].to_numpy(), bad)
            label = {"audit": "audit", "screen": "geometry alone"}[name]
            axes.plot(false, true, style, color="0.1", label=f"{label}, area {area:.3f}")
            logging.info("%s: %s", label, results[name]["all"])
        axes.legend(frameon=False, loc="lower right")
        save_svg(figure, snakemake.output.figure)
        job.write_json(results, snakemake.output.metrics)
