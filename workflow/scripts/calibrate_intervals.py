"""Learn from valid labels of unseen images by how much lengths are biased, and how far they may be off."""

import logging

from fetal_biometry import job
from fetal_biometry.frames import read_frames
from fetal_biometry.measure.calibration import learn
from fetal_biometry.recipe import read_reading
from fetal_biometry.terms import Verdict

if __name__ == "__main__":
    with job.start(snakemake):
        source, params = snakemake.input, snakemake.params
        labels, found = (read_frames(paths) if paths else None for paths in (source.labels, source.landmarks))
        labels = labels[labels["verdict"] == Verdict.VALID] if labels is not None else None
        folds = read_frames(source.folds)["fold"] if source.get("folds") else None
        pixel_size = read_frames(source.facts)["pixel_size_mm"].astype(float) if source.facts else None
        correct = read_reading(source.recipe).correct_bias
        learned = learn(labels, found, pixel_size, folds, params.calliper, correct, params.interval_level)
        job.write_json(learned, snakemake.output.calibration)
        logging.info(
            "OFD and BPD times %.4f and %.4f; %d valid labels calibrate", *learned["correction"], learned["images"]
        )
