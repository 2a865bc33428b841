"""Learn from sound labels by how much lengths are biased, and how far they may be off given what the network says."""

import logging

import numpy as np
import pandas as pd

from fetal_biometry import job
from fetal_biometry.data.folds import gather_landmarks
from fetal_biometry.frames import points_of, read_frame
from fetal_biometry.measure.biometry import reported_lengths
from fetal_biometry.measure.calibration import Judged, calibrate, learn_correction
from fetal_biometry.model.detection import EVIDENCE
from fetal_biometry.model.geometry import UNSTRETCHED, stretch_diameters


def judge(found: pd.DataFrame, manifest: pd.DataFrame, calliper: str, correct: bool) -> tuple[Judged, tuple]:
    """What a network found in the images of `manifest`, beside their labels; corrected, and by what."""
    found, pixel_size = found.loc[manifest.index], manifest["pixel_size_mm"].to_numpy(dtype=float)
    located, labels = points_of(found), points_of(manifest)
    correction = learn_correction(located, labels) if correct else UNSTRETCHED
    located = stretch_diameters(located, correction)
    predicted, true = (reported_lengths(points, pixel_size, calliper) for points in (located, labels))
    hc_mm = np.where(np.isfinite(pixel_size), predicted[:, 2], np.nan)
    return Judged(predicted, true, found[list(EVIDENCE)].to_numpy(dtype=float), hc_mm), correction


def learn(found: pd.DataFrame, manifest: pd.DataFrame, params, rehearsal: Judged | None = None) -> dict:
    """Correction and intervals from what was found in the images of `manifest`."""
    judged, correction = judge(found, manifest, params.calliper, params.correct)
    learned = calibrate(judged, params.interval_level, params.interval_assurance, rehearsal)
    return {"calliper": params.calliper, "correction": correction} | learned


if __name__ == "__main__":
    with job.start(snakemake):
        params = snakemake.params
        manifest = read_frame(snakemake.input.manifest)
        split, audit = read_frame(snakemake.input.split)["split"], read_frame(snakemake.input.audit)["verdict"]
        part, sound = split.reindex(manifest.index), audit.reindex(manifest.index) == "sound"
        found, fold = gather_landmarks(snakemake.input, manifest, params.folds, params.seed)
        cross_fitted = (fold >= 0).any()
        unseen = sound & (fold >= 0 if cross_fitted else part == "validation")
        rehearsal = None
        if snakemake.input.get("found"):
            known = manifest[part.isin(["train", "validation"]) & sound]
            rehearsal, _ = judge(read_frame(snakemake.input.found), known, params.calliper, params.correct)
        learned = learn(found, manifest[unseen], params, rehearsal)
        if cross_fitted:  # what is said of an image that calibrates rests on other examinations alone
            learned["without"] = [learn(found, manifest[unseen & (fold != k)], params) for k in range(params.folds)]
        job.write_json(learned, snakemake.output.calibration)
        logging.info(
            "OFD and BPD times %.4f and %.4f; %d sound images calibrate the intervals%s",
            *learned["correction"], learned["images"],
            f", after {len(rehearsal.lengths)} that networks of other examinations measured" if rehearsal else "",
        )  # fmt: skip
