"""Draw the phantom images of the embedded dataset."""

import logging
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2

from fetal_biometry import job
from fetal_biometry.phantom import draw_phantom, plan_phantoms


def write_phantom(phantom, folder: str) -> None:
    cv2.setNumThreads(1)  # one process a core already
    cv2.imwrite(str(Path(folder) / phantom.image_name), draw_phantom(phantom))


if __name__ == "__main__":
    with job.start(snakemake):
        folder = snakemake.output.folder
        Path(folder).mkdir(parents=True, exist_ok=True)
        phantoms = plan_phantoms(snakemake.params.phantom_count, snakemake.params.seed)
        with ProcessPoolExecutor(snakemake.threads) as pool:
            list(pool.map(write_phantom, phantoms, [folder] * len(phantoms), chunksize=8))
        logging.info(
            "%d phantoms of %d examinations", len(phantoms), len({phantom.examination for phantom in phantoms})
        )
