"""Decode and squeeze the images of one shard into one memory-mappable array."""

import logging

import numpy as np

from fetal_biometry import job
from fetal_biometry.frames import read_frame
from fetal_biometry.images.cache import shard_of, write_shard
from fetal_biometry.images.raster import read_squeezed
from fetal_biometry.model.onnx_file import open_model

if __name__ == "__main__":
    with job.start(snakemake):
        given = snakemake.input.get("model")
        size = open_model(given)[1]["cache_size"] if given else snakemake.params.cache_size
        manifest = read_frame(snakemake.input.manifest)
        number, shards = int(snakemake.wildcards.shard), snakemake.params.shards
        in_shard = [shard_of(name, shards) == number for name in manifest.index]
        shard = manifest[in_shard]
        index = shard[["image_name", "width_px", "height_px"]].to_dict("records")
        images = (image for image, _ in read_squeezed(shard["path"], size))
        write_shard(snakemake.output.images, index, images, (size, size), np.uint8)
        logging.info("%d images of %d x %d", len(index), size, size)
