"""Recipes side by side: errors on the same test images."""

import logging

from fetal_biometry import job
from fetal_biometry.frames import write_frame
from fetal_biometry.report.comparison import compare_recipes

if __name__ == "__main__":
    with job.start(snakemake):
        source, steps = snakemake.input, snakemake.wildcards.kind == "ablation"
        table = compare_recipes(source.metrics, source.errors, snakemake.params.against, steps)
        write_frame(table, snakemake.output.table)
        logging.info("\n%s", table.round(3).to_string(index=False))
