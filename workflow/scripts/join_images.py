"""Join what is known of the images of all parts, and list those that cannot be used."""

import logging
import sys

import pandas as pd

from fetal_biometry import job
from fetal_biometry.data.join import AUDIT_COLUMNS, doubt_labels, join_images
from fetal_biometry.errors import refuse_if_all_bad
from fetal_biometry.frames import read_frame, read_frames, write_frame

SHOWN = 20  # files that are named on the terminal

if __name__ == "__main__":
    with job.start(snakemake):
        source = snakemake.input
        quarantined = [read_frame(path) for path in (source.quarantine, *source.quarantined, *source.bad_labels)]
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
        lines = [f"not measured: {row['reason']}" for row in quarantine.head(SHOWN).to_dict("records")]
        if len(quarantine):
            lines.append(f"{len(quarantine)} files not measured, see {snakemake.output.quarantine}")
        if doubt := doubt_labels(images):
            lines.append(f"the table of pixel sizes: {doubt}, by the labels.")
        print(*lines, sep="\n", end="\n" if lines else "", file=sys.stderr)
        logging.info("%d images, %d labelled", len(images), (images["verdict"] != "").sum())
        if images["label_source"].str.contains("swapped").any():
            logging.info("the landmark table calls the long axis BPD; names exchanged in all rows")
