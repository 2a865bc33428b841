"""Draw the heads found in the images of one shard on the images, a file each, at full resolution."""

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fetal_biometry import job
from fetal_biometry.frames import points_of, read_frame
from fetal_biometry.report.overlays import DrawnHead, overlay_document, overlay_name

if __name__ == "__main__":
    with job.start(snakemake):
        found = read_frame(snakemake.input.landmarks)
        paths = read_frame(snakemake.input.manifest).loc[found.index, "path"]
        folder = Path(snakemake.output.folder)
        folder.mkdir()

        def draw(name, path, points):
            text = overlay_document(path, [DrawnHead(points, "prediction")], f"{name} with the head that was found")
            (folder / overlay_name(name)).write_text(text, encoding="utf-8")

        with ThreadPoolExecutor(snakemake.threads) as pool:
            list(pool.map(draw, found.index, paths, points_of(found)))
        logging.info("%d images", len(found))
