"""Draw images without a head, squeezed like the cached ones, on which networks learn to draw nothing."""

import logging
from concurrent.futures import ProcessPoolExecutor
from itertools import product

import cv2
import numpy as np

from fetal_biometry import job
from fetal_biometry.data.negatives import TAUGHT, draw_stranger
from fetal_biometry.images.cache import write_shard
from fetal_biometry.model.geometry import squeeze
from fetal_biometry.model.landmarks import COLUMNS


def draw(kind: str, seed: int, size: int) -> tuple[np.ndarray, dict]:
    """A squeezed image and its row of the index: the place of what could be taken for a head."""
    image, place = draw_stranger(kind, seed)
    row = {"image_name": f"{kind} {seed}", "width_px": image.shape[1], "height_px": image.shape[0]}
    return squeeze(image, size), row | dict(zip(COLUMNS, place.ravel().round(3), strict=True))


def draw_all(kinds, seeds, size: int, threads: int) -> tuple[list[np.ndarray], list[dict]]:
    """What `draw` gives for each seed of each kind, kind by kind: images and rows."""
    kinds, seeds = zip(*product(kinds, seeds), strict=True)
    one_thread = {"initializer": cv2.setNumThreads, "initargs": (1,)}  # a process a core already
    with ProcessPoolExecutor(threads, **one_thread) as pool:
        drawn = list(pool.map(draw, kinds, seeds, [size] * len(kinds), chunksize=4))
    images, index = zip(*drawn, strict=True)
    return list(images), list(index)


if __name__ == "__main__":
    with job.start(snakemake):
        size = snakemake.params.cache_size
        images, index = draw_all(TAUGHT, range(snakemake.params.of_each_kind), size, snakemake.threads)
        write_shard(snakemake.output.images, index, images, (size, size), np.uint8)
        logging.info("%d images", len(images))
