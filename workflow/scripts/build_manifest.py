"""Write one row per image: where it is, what it is, its pixel size and its label."""

import logging

import pandas as pd

from fetal_biometry import job
from fetal_biometry.datasets import describe_source, list_sources
from fetal_biometry.digests import FileIndex
from fetal_biometry.frames import write_frame

if __name__ == "__main__":
    with job.start(snakemake):
        settings = snakemake.params.settings
        index = FileIndex(snakemake.params.file_index)
        sources = list_sources(settings, snakemake.params.phantom_folder)
        rows = [describe_source(source, settings, index) for source in sources]
        write_frame(pd.DataFrame(rows), snakemake.output.manifest)
        swapped = sum("swapped" in row["label_source"] for row in rows)
        labelled = sum(bool(row["label_source"]) for row in rows)
        logging.info("%d images, %d labelled", len(rows), labelled)
        if swapped:
            logging.info("the landmark table calls the long axis BPD; names exchanged in all %d rows", swapped)
