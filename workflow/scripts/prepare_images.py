"""Decode the images of one part and fit them into squares, in one memory-mappable array with a row an image."""

import logging

import numpy as np

from fetal_biometry import job
from fetal_biometry.frames import read_frame, write_frame
from fetal_biometry.images.cache import write_array
from fetal_biometry.images.preparing import Preparation
from fetal_biometry.model.onnx_file import open_model

if __name__ == "__main__":
    with job.start(snakemake):
        size = snakemake.params.image_size
        if snakemake.input.get("model"):
            size = open_model(snakemake.input.model)[1]["image_size"]
        planned = read_frame(snakemake.input.plan)
        part = Preparation(planned, size, stop=snakemake.params.on_bad_image == "stop")
        pixels = part.pixels(snakemake.threads)
        write_array(snakemake.output.images, pixels, len(planned), (size, size), np.uint8)
        write_frame(part.index(), snakemake.output.index)
        write_frame(part.quarantine(), snakemake.output.quarantine)
        logging.info("%d of %d images, %d pixels a side", len(part.rows), len(planned), size)
