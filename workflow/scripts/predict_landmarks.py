"""Locate the landmarks in the images of one part; in one fold where a fold is named."""

import logging

from fetal_biometry import job
from fetal_biometry.errors import InputError
from fetal_biometry.frames import read_frame, sizes_of, write_frame
from fetal_biometry.images.cache import Arrays
from fetal_biometry.model.inference import Predictor, locate_all

if __name__ == "__main__":
    with job.start(snakemake):
        source, fold = snakemake.input, snakemake.wildcards.get("fold")
        predictor = Predictor(source.model, snakemake.threads)
        images, index = Arrays([source.images]), read_frame(source.index)
        if images.shape and images.shape[0] != predictor.prepared_size:
            raise InputError(
                f"{source.images}: the images are prepared with {images.shape[0]} pixels a side, but {source.model} "
                f"takes {predictor.prepared_size}; set image_size: {predictor.prepared_size}."
            )
        if fold is not None:
            index = index[read_frame(source.folds)["fold"].reindex(index.index) == int(fold)]
        table = locate_all(predictor, list(index.index), map(images.__getitem__, index.index), sizes_of(index))
        write_frame(table, snakemake.output.landmarks)
        logging.info("%d images", len(table))
