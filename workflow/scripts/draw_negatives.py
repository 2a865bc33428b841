"""Draw images without a head, prepared like the others, for the head-presence classifier."""

import logging

import numpy as np

from fetal_biometry import job
from fetal_biometry.data.negatives import TRAINING_KINDS, draw_all
from fetal_biometry.frames import write_frame
from fetal_biometry.images.cache import write_array

if __name__ == "__main__":
    with job.start(snakemake):
        size, seeds = snakemake.params.image_size, range(snakemake.params.of_each_kind)
        images, index = draw_all(TRAINING_KINDS, seeds, size, snakemake.threads)
        write_array(snakemake.output.images, images, len(images), (size, size), np.uint8)
        write_frame(index, snakemake.output.index)
        logging.info("%d images", len(images))
