"""Write down which labelled image trains, validates and tests."""

import logging

from fetal_biometry import job
from fetal_biometry.data.splits import assign_splits, published
from fetal_biometry.frames import read_frame, write_frame

if __name__ == "__main__":
    with job.start(snakemake):
        settings = snakemake.params.settings
        manifest = read_frame(snakemake.input.manifest)
        manifest = manifest[manifest["label_source"] != ""]
        split = manifest[["image_name", "examination"]].copy()
        splits = assign_splits(dict(zip(split["image_name"], split["examination"], strict=True)), settings)
        split["split"] = split["image_name"].map(splits)
        write_frame(split, snakemake.output.split)
        logging.info(
            "%s split: %s",
            "published" if published(settings) else settings["split"].replace("published_if_present", "seeded"),
            ", ".join(f"{count} {name}" for name, count in split["split"].value_counts().items()),
        )
