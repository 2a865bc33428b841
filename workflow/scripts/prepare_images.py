"""Decode the images of one part and fit them into squares, in one memory-mappable array with a row an image."""

import logging

import numpy as np

from fetal_biometry import job
from fetal_biometry.frames import read_frame, write_frame
from fetal_biometry.images.cache import write_array
from fetal_biometry.images.preparing import Preparation
from fetal_biometry.model.onnx_file import preparation_of

if __name__ == "__main__":
    with job.start(snakemake):
        size, squeezed = snakemake.params.image_size, False
        if snakemake.input.get("model"):
            size, squeezed = preparation_of(snakemake.input.model)
        planned = read_frame(snakemake.input.plan)
        preparation = Preparation(planned, size, squeezed, stop=snakemake.params.on_bad_image == "stop")
        pixels = preparation.pixels(snakemake.threads)
        write_array(snakemake.output.images, pixels, len(planned), (size, size), np.uint8)
        write_frame(preparation.index(), snakemake.output.index)
        write_frame(preparation.quarantine(), snakemake.output.quarantine)
        logging.info("%d of %d images, %d pixels a side", len(preparation.rows), len(planned), size)
