"""Draw the heads found in the images of one part on the images, a file each, at full resolution."""

import logging
from pathlib import Path

from fetal_biometry import job
from fetal_biometry.frames import points_of, read_frame
from fetal_biometry.measure.site import Site
from fetal_biometry.measure.site_lengths import move_points
from fetal_biometry.report.overlays import draw_overlays
from fetal_biometry.terms import COLUMNS

if __name__ == "__main__":
    with job.start(snakemake):
        found, images = read_frame(snakemake.input.landmarks), read_frame(snakemake.input.plan)
        site = Site.model_validate(snakemake.params.site) if snakemake.params.site else None
        found[list(COLUMNS)] = move_points(points_of(found), site).reshape(-1, 8)
        draw_overlays(found, images, Path(snakemake.output.folder), snakemake.threads)
        logging.info("%d images", len(found))
