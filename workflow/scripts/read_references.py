"""Read the independent references of one part."""

import logging

from fetal_biometry import job
from fetal_biometry.data.labels import read_labels
from fetal_biometry.frames import read_frame, write_frame

if __name__ == "__main__":
    with job.start(snakemake):
        source, stop = snakemake.input, snakemake.params.on_bad_image == "stop"
        references, bad = read_labels(read_frame(source.labels), read_frame(source.index), stop=stop)
        logging.info("%d references; left out: %s", len(references), list(bad["reason"]))
        write_frame(references.drop(columns=["label_source", "origin"]), snakemake.output.references)
