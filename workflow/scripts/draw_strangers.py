"""Draw images without a head, squeezed like the cached ones, on which networks learn to draw nothing."""

import logging
from concurrent.futures import ProcessPoolExecutor
from itertools import product

import cv2
import numpy as np

from fetal_biometry import job
from fetal_biometry.cache import write_shard
from fetal_biometry.geometry import squeeze
from fetal_biometry.landmarks import COLUMNS
from fetal_biometry.strangers import TAUGHT, draw_stranger


def draw(kind: str, seed: int, size: int) -> tuple[np.ndarray, dict]:
    """A squeezed image and its row of the index: the place of what could be taken for a head."""
    image, place = draw_stranger(kind, seed)
    row = {"image_name": f"{kind} {seed}", "width_px": image.shape[1], "height_px": image.shape[0]}
    return squeeze(image, size), row | dict(zip(COLUMNS, place.ravel().round(3), strict=True))


if __name__ == "__main__":
    with job.start(snakemake):
        params = snakemake.params
        kinds, seeds = zip(*product(TAUGHT, range(params.of_each_kind)), strict=True)
        one_thread = {"initializer": cv2.setNumThreads, "initargs": (1,)}  # a process a core already
        with ProcessPoolExecutor(snakemake.threads, **one_thread) as pool:
            drawn = list(pool.map(draw, kinds, seeds, [params.cache_size] * len(kinds), chunksize=4))
        images, index = zip(*drawn, strict=True)
        write_shard(snakemake.output.images, list(index), images, (params.cache_size, params.cache_size), np.uint8)
        logging.info("%d images", len(images))
