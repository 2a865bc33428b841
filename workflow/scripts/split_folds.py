"""Write one split a fold: its examinations and all test ones are held out, the rest trains."""

import logging

from fetal_biometry import job
from fetal_biometry.data.splits import fold_of
from fetal_biometry.frames import read_frame, write_frame

if __name__ == "__main__":
    with job.start(snakemake):
        split = read_frame(snakemake.input.split)
        folds = len(snakemake.output.folds)
        fold = split["examination"].map(lambda name: fold_of(name, snakemake.params.seed, folds))
        for number, path in enumerate(snakemake.output.folds):
            held_out = (split["split"] == "test") | (fold == number)
            write_frame(split.assign(split=held_out.map({True: "test", False: "train"})), path)
            logging.info("fold %d: %d images train, %d are held out", number, (~held_out).sum(), held_out.sum())
