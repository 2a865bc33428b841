"""Join what is known of the images of all parts, and list those that cannot be used."""

import logging
import sys

import pandas as pd

from fetal_biometry import job
from fetal_biometry.data.join import AUDIT_COLUMNS, describe_join, join_images
from fetal_biometry.errors import refuse_if_all_bad
from fetal_biometry.frames import read_frame, read_frames, write_frame

if __name__ == "__main__":
    with job.start(snakemake):
        source = snakemake.input
        planes = [source.planes] if source.planes else []
        files = (source.quarantine, *source.quarantined, *planes, *source.bad_labels)
        quarantined = [read_frame(path) for path in files]
        quarantine = pd.concat([table for table in quarantined if len(table)] or quarantined[:1])
        parts = {name: read_frame(path) for name, path in zip(snakemake.params.parts, source.plan, strict=True)}
        kinds = (source.index, source.facts, source.folds, source.labels, source.references)
        index, *tables = (read_frames(paths) if paths else None for paths in kinds)
        if not len(index):
            refuse_if_all_bad(list(quarantine["reason"]))
        images = join_images(parts, index, *tables)
        write_frame(images, snakemake.output.images)
        write_frame(images.loc[images["verdict"] != "", list(AUDIT_COLUMNS)], snakemake.output.audit)
        write_frame(quarantine, snakemake.output.quarantine)
        for line in describe_join(images, quarantine):
            logging.warning("%s", line)
            print(line, file=sys.stderr)
        logging.info("%d images, %d labelled", len(images), (images["verdict"] != "").sum())
        if images["label_source"].str.contains("swapped").any():
            logging.info("the landmark table calls the long axis BPD; names exchanged in all rows")
