"""Learn from unseen images by how much lengths are biased, how far they may be off, and what tells a head."""

import logging

import torch

from fetal_biometry import job
from fetal_biometry.frames import read_frame, read_frames
from fetal_biometry.measure.calibration import learn
from fetal_biometry.measure.learn_presence import tell_heads
from fetal_biometry.recipe import read_reading
from fetal_biometry.terms import ACCEPTED_PREDICTION, Verdict

if __name__ == "__main__":
    with job.start(snakemake):
        torch.set_num_threads(snakemake.threads)
        source = snakemake.input
        labels, found = (read_frames(paths) if paths else None for paths in (source.labels, source.landmarks))
        if labels is not None:  # an accepted prediction would judge its own model
            labels = labels[(labels["verdict"] == Verdict.VALID) & (labels["label_source"] != ACCEPTED_PREDICTION)]
        folds = read_frames(source.folds)["fold"] if source.get("folds") else None
        pixel_size = read_frames(source.facts)["pixel_size_mm"].astype(float) if source.facts else None
        correct = read_reading(source.recipe).correct_bias
        learned = learn(labels, found, pixel_size, folds, correct, **snakemake.params)
        if found is not None and source.others:
            planes = read_frame(source.planes) if source.get("planes") else None
            learned = tell_heads(learned, found, read_frames(source.groups)["fold"], read_frames(source.others), planes)
        job.write_json(learned, snakemake.output.calibration)
        logging.info(
            "OFD and BPD times %.4f and %.4f; %d valid labels calibrate", *learned["correction"], learned["images"]
        )
