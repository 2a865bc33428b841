"""Render the target heatmaps of one shard's labelled images."""

import logging

import numpy as np

from fetal_biometry import job
from fetal_biometry.frames import points_of, read_frame, sizes_of
from fetal_biometry.images.cache import shard_of, write_shard
from fetal_biometry.model.geometry import resize_points
from fetal_biometry.model.heatmaps import encode

if __name__ == "__main__":
    with job.start(snakemake):
        stride = snakemake.params.stride
        cells = snakemake.params.image_size // stride
        manifest = read_frame(snakemake.input.manifest)
        manifest = manifest[manifest["label_source"] != ""]
        number, shards = int(snakemake.wildcards.shard), snakemake.params.shards
        in_shard = [shard_of(name, shards) == number for name in manifest.index]
        shard = manifest[in_shard]
        grid = resize_points(points_of(shard), sizes_of(shard)[:, None], (cells, cells))
        rendered = (encode(points[None], cells, snakemake.params.sigma_px / stride)[0] for points in grid)
        index = shard[["image_name"]].to_dict("records")
        write_shard(snakemake.output.heatmaps, index, rendered, (4, cells, cells), np.float16)
        logging.info("%d labelled images, 4 x %d x %d cells", len(index), cells, cells)
