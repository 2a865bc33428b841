"""Learn from sound labels how far the lengths of an image may be off, given what the network says of it."""

import logging

import numpy as np
import pandas as pd

from fetal_biometry import job
from fetal_biometry.biometry import reported_lengths
from fetal_biometry.decoding import EVIDENCE
from fetal_biometry.folds import measured_unseen
from fetal_biometry.frames import points_of, read_frame
from fetal_biometry.uncertainty import Judged, calibrate


def judge(found: pd.DataFrame, manifest: pd.DataFrame, calliper: str) -> Judged:
    """What a network found in the images of `manifest`, beside their labels."""
    found, pixel_size = found.loc[manifest.index], manifest["pixel_size_mm"].to_numpy(dtype=float)
    predicted, true = (reported_lengths(points_of(table), pixel_size, calliper) for table in (found, manifest))
    hc_mm = np.where(np.isfinite(pixel_size), predicted[:, 2], np.nan)
    return Judged(predicted, true, found[list(EVIDENCE)].to_numpy(dtype=float), hc_mm)


if __name__ == "__main__":
    with job.start(snakemake):
        params = snakemake.params
        manifest = read_frame(snakemake.input.manifest)
        split, audit = read_frame(snakemake.input.split)["split"], read_frame(snakemake.input.audit)["verdict"]
        part, sound = split.reindex(manifest.index), audit.reindex(manifest.index) == "sound"
        found, unseen = pd.concat(map(read_frame, snakemake.input.landmarks)), part == "validation"
        if snakemake.input.get("members"):
            found = measured_unseen(found, manifest, split, snakemake.input.members, params.folds, params.seed)
            unseen = part.isin(["train", "validation"])
        judged = judge(found, manifest[unseen & sound], params.calliper)
        rehearsal = None
        if snakemake.input.get("found"):
            known = manifest[part.isin(["train", "validation"]) & sound]
            rehearsal = judge(read_frame(snakemake.input.found), known, params.calliper)
        learned = calibrate(judged, params.interval_level, rehearsal)
        job.write_json(learned, snakemake.output.calibration)
        logging.info(
            "%d sound images calibrate the intervals%s",
            len(judged.lengths),
            f", after {len(rehearsal.lengths)} that networks of other examinations measured" if rehearsal else "",
        )
