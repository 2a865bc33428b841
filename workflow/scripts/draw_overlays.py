"""Draw the heads found in the images of one part on the images, a file each, at full resolution."""

import logging
from pathlib import Path

from fetal_biometry import job
from fetal_biometry.frames import read_frame
from fetal_biometry.report.overlays import draw_overlays

if __name__ == "__main__":
    with job.start(snakemake):
        found, images = read_frame(snakemake.input.landmarks), read_frame(snakemake.input.plan)
        draw_overlays(found, images, Path(snakemake.output.folder), snakemake.threads)
        logging.info("%d images", len(found))
