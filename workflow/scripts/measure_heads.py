"""Join the parts: lengths in px and mm, intervals, flags, and the tables other programs read."""

import logging
import sys
from pathlib import Path

from fetal_biometry import job
from fetal_biometry.errors import refuse_if_all_bad
from fetal_biometry.frames import read_frames, write_frame
from fetal_biometry.limits import FlagLimits, read_limits
from fetal_biometry.measure.contradictions import describe_pixel_sizes, read_facts
from fetal_biometry.measure.corrections import describe_outdated, read_corrections
from fetal_biometry.measure.exports import write_exports
from fetal_biometry.measure.heads import measure_heads
from fetal_biometry.model.inference import Predictor

if __name__ == "__main__":
    with job.start(snakemake):
        source, output = snakemake.input, snakemake.output
        index = read_frames(source.index).sort_index()
        if not len(index):
            refuse_if_all_bad(list(read_frames(source.quarantined)["reason"]))
        images = index.join(read_facts(source.facts).drop(columns="image_name"))
        own = source.get("calibration")  # of a model that the run trained
        calibration = job.read_json(own) if own else Predictor(source.model).calibration
        folds = read_frames(source.folds)["fold"] if source.get("folds") else None
        limits = read_limits(source.limits, FlagLimits) if source.get("limits") else None
        corrections = read_corrections(source.corrections) if source.get("corrections") else None
        found = read_frames(source.landmarks).loc[images.index]
        table = measure_heads(found, images, calibration, folds, limits, corrections, **snakemake.params)
        write_frame(table, output.predictions)
        planned = read_frames(source.plan)[["examination", "path", "frame"]].join(index[["width_px", "height_px"]])
        write_exports(table.join(planned, on="image_name"), output.exports, Path(output.predictions).parent)
        for line in (*describe_outdated(table, corrections), *describe_pixel_sizes(table, images, limits)):
            logging.warning("%s", line)
            print(line, file=sys.stderr)
