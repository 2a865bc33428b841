"""Write one row per image: where it is, what it is, its pixel size and its label."""

import logging
import sys

import pandas as pd

from fetal_biometry import job
from fetal_biometry.data.sources import describe_sources, list_sources
from fetal_biometry.digests import FileIndex
from fetal_biometry.frames import write_frame

if __name__ == "__main__":
    with job.start(snakemake):
        settings = snakemake.params.settings
        index = FileIndex(snakemake.params.file_index)
        sources = list_sources(settings, snakemake.params.phantom_folder)
        rows, aside = describe_sources(sources, settings, index)
        write_frame(pd.DataFrame(rows), snakemake.output.manifest)
        quarantine = pd.DataFrame(aside, columns=["image_name", "path", "reason"])
        write_frame(quarantine, snakemake.output.quarantine)
        if aside:
            where = snakemake.output.quarantine
            print(f"{len(aside)} of {len(sources)} images put aside, see {where}", file=sys.stderr)
        swapped = sum("swapped" in row["label_source"] for row in rows)
        labelled = sum(bool(row["label_source"]) for row in rows)
        logging.info("%d images, %d labelled", len(rows), labelled)
        if swapped:
            logging.info("the landmark table calls the long axis BPD; names exchanged in all %d rows", swapped)
