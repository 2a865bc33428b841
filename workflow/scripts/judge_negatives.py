"""Show a model images without a head: how many pass as heads, beside the labelled and the drawn heads that pass."""

import logging
from pathlib import Path

from fetal_biometry import job
from fetal_biometry.data.negatives import HEAD, KINDS, draw_all
from fetal_biometry.frames import read_frame, read_frames, write_frame
from fetal_biometry.limits import FlagLimits, read_limits
from fetal_biometry.measure.negative_test import FIRST_SEED, doubts, known_heads, located_doubts, summarise
from fetal_biometry.model.inference import Predictor

if __name__ == "__main__":
    with job.start(snakemake):
        source, params = snakemake.input, snakemake.params
        predictor, limits = Predictor(source.model, snakemake.threads), read_limits(source.limits, FlagLimits)
        heads = known_heads(read_frame(source.images), predictor.metadata.get("seen", []))
        known = doubts(read_frames(source.landmarks).loc[heads.index], heads, predictor, limits)
        seeds = range(FIRST_SEED, FIRST_SEED + params.of_each_kind)
        images, rows = draw_all([HEAD, *KINDS], seeds, predictor.prepared_size, snakemake.threads)
        shown = located_doubts(predictor, rows, images, limits)
        write_frame(shown, snakemake.output.table)
        summary = {"model": str(Path(source.model)), **summarise(shown, known)}
        job.write_json(summary, snakemake.output.summary)
        logging.info("%s", summary)
