"""Read the independent references of one part."""

from fetal_biometry import job
from fetal_biometry.data.labels import read_labels
from fetal_biometry.frames import read_frame, write_frame

if __name__ == "__main__":
    with job.start(snakemake):
        references, _ = read_labels(read_frame(snakemake.input.labels), read_frame(snakemake.input.index))
        write_frame(references.drop(columns=["label_source", "origin"]), snakemake.output.references)
