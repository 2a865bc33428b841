"""Judge each label by its geometry alone."""

import logging

from fetal_biometry import job
from fetal_biometry.data.audit import judge_labels, tabulate
from fetal_biometry.frames import points_of, read_frame, sizes_of, write_frame

if __name__ == "__main__":
    with job.start(snakemake):
        manifest = read_frame(snakemake.input.manifest)
        manifest = manifest[manifest["label_source"] != ""]
        judgement = judge_labels(points_of(manifest), sizes_of(manifest), snakemake.params.limits)
        screen = tabulate(manifest.index, judgement)
        write_frame(screen, snakemake.output.screen)
        logging.info("%d labels, %d suspect", len(screen), (screen["verdict"] == "suspect").sum())
