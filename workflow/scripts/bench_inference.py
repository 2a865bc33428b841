"""Time images from file to mm, and take the memory of it."""

import logging
from pathlib import Path

from fetal_biometry import job
from fetal_biometry.bench.inference import measure
from fetal_biometry.bench.settings import read_settings
from fetal_biometry.recipe import read_recipe

if __name__ == "__main__":
    with job.start(snakemake):
        path = snakemake.input.baseline
        baseline, settings = read_recipe(path, [Path(path).parent]), read_settings(snakemake.input.settings)
        size = snakemake.params.image_size
        result = measure(snakemake.input.model, baseline, size, settings)
        job.write_json(result, snakemake.output.result)
        logging.info("%.1f times the time of decoding alone", result["times_decoding"]["median"])
