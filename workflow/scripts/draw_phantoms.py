"""Draw the phantom images of the embedded dataset."""

import logging
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2

from fetal_biometry import job
from fetal_biometry.data.phantom import Phantom, draw_phantom, plan_phantoms


def write_phantom(phantom: Phantom, folder) -> Path:
    """Draw a phantom into a folder: the path of its image."""
    path = Path(folder) / phantom.image_name
    path.write_bytes(cv2.imencode(".png", draw_phantom(phantom))[1])  # cv2.imwrite is silent when the disk is full
    return path


if __name__ == "__main__":
    with job.start(snakemake):
        folder = snakemake.output.folder
        Path(folder).mkdir(parents=True, exist_ok=True)
        phantoms = plan_phantoms(snakemake.params.phantom_count, snakemake.params.seed)
        one_thread = {"initializer": cv2.setNumThreads, "initargs": (1,)}  # a process a core already
        with ProcessPoolExecutor(snakemake.threads, **one_thread) as pool:
            list(pool.map(write_phantom, phantoms, [folder] * len(phantoms), chunksize=8))
        logging.info(
            "%d phantoms of %d examinations", len(phantoms), len({phantom.examination for phantom in phantoms})
        )
