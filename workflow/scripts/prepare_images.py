"""Decode the images of one part and fit them into squares, in one memory-mappable array with a row an image."""

import logging

from fetal_biometry import job
from fetal_biometry.frames import read_frame, write_frame
from fetal_biometry.images.preparing import prepare_part
from fetal_biometry.model.onnx_file import open_model

if __name__ == "__main__":
    with job.start(snakemake):
        size, stop = snakemake.params.image_size, snakemake.params.on_bad_image == "stop"
        if snakemake.input.get("model"):
            size = open_model(snakemake.input.model)[1]["image_size"]
        planned = read_frame(snakemake.input.plan)
        index, quarantine = prepare_part(planned, size, stop, snakemake.output.images, snakemake.threads)
        write_frame(index, snakemake.output.index)
        write_frame(quarantine, snakemake.output.quarantine)
        logging.info("%d of %d images, %d pixels a side", len(index), len(planned), size)
