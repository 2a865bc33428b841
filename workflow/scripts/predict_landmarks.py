"""Locate the landmarks in the images of one shard."""

import logging

import pandas as pd

from fetal_biometry import job
from fetal_biometry.errors import InputError
from fetal_biometry.frames import read_frame, sizes_of, write_frame
from fetal_biometry.images.cache import Shards
from fetal_biometry.model.inference import Predictor, locate_all

if __name__ == "__main__":
    with job.start(snakemake):
        predictor = Predictor(snakemake.input.model, snakemake.threads)
        shard = Shards([snakemake.input.images])
        index = pd.DataFrame(shard.index.values(), columns=["image_name", "width_px", "height_px"])
        size = shard.shape[0]
        if size != predictor.cache_size:
            raise InputError(
                f"{snakemake.input.images}: images of {size} pixels a side, and {snakemake.input.model} learned from "
                f"cached ones of {predictor.cache_size}; set cache_size: {predictor.cache_size}."
            )
        if snakemake.input.get("fold"):
            fold = read_frame(snakemake.input.fold)
            index = index[index["image_name"].isin(fold.index[fold["split"] == "test"])].reset_index(drop=True)
        if snakemake.input.get("split"):
            split = read_frame(snakemake.input.split)["split"]
            taught = index["image_name"].isin(split.index[split != "test"])
            index = index[taught if snakemake.input.get("fold") else ~taught].reset_index(drop=True)
        names = index["image_name"].to_list()
        table = locate_all(predictor, names, map(shard.__getitem__, names), sizes_of(index))
        write_frame(table, snakemake.output.landmarks)
        logging.info("%d images", len(table))
