"""Learn from sound validation images how far the lengths of an image may be off, given what the network says of it."""

import logging

import numpy as np
import pandas as pd

from fetal_biometry import job
from fetal_biometry.biometry import reported_lengths
from fetal_biometry.decoding import EVIDENCE
from fetal_biometry.frames import points_of, read_frame
from fetal_biometry.uncertainty import calibrate

if __name__ == "__main__":
    with job.start(snakemake):
        params = snakemake.params
        manifest = read_frame(snakemake.input.manifest)
        found = pd.concat(map(read_frame, snakemake.input.landmarks))
        split, audit = read_frame(snakemake.input.split)["split"], read_frame(snakemake.input.audit)["verdict"]
        part, sound = split.reindex(manifest.index), audit.reindex(manifest.index) == "sound"
        manifest = manifest[(part == "validation") & sound]
        found = found.loc[manifest.index]
        pixel_size = manifest["pixel_size_mm"].to_numpy(dtype=float)
        predicted, true = (
            reported_lengths(points_of(table), pixel_size, params.calliper) for table in (found, manifest)
        )
        hc_mm = np.where(np.isfinite(pixel_size), predicted[:, 2], np.nan)
        learned = calibrate(predicted, true, found[list(EVIDENCE)].to_numpy(dtype=float), hc_mm, params.interval_level)
        job.write_json(learned, snakemake.output.calibration)
        logging.info("%d sound validation images calibrate the intervals", len(manifest))
