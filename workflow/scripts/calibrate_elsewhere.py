"""A model's calibration for each other centre, with a head-presence classifier that saw none of its images."""

import logging

import torch

from fetal_biometry import job
from fetal_biometry.frames import read_frame, read_frames
from fetal_biometry.measure.learn_presence import calibrations_by_centre

if __name__ == "__main__":
    with job.start(snakemake):
        torch.set_num_threads(snakemake.threads)
        source = snakemake.input
        calibration = job.read_json(source.calibration)
        heads, folds, others = (read_frames(paths) for paths in (source.heads, source.folds, source.others))
        learned = calibrations_by_centre(calibration, heads, folds["fold"], others, read_frame(source.planes))
        job.write_json(learned, snakemake.output.calibrations)
        logging.info("calibrations for %s", ", ".join(learned))
