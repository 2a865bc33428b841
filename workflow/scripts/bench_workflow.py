"""Time plans and runs of the workflow."""

import logging
from pathlib import Path

from fetal_biometry import job
from fetal_biometry.bench.runs import measure
from fetal_biometry.bench.settings import read_settings
from fetal_biometry.recipe import read_recipe

if __name__ == "__main__":
    with job.start(snakemake):
        path, root = snakemake.input.recipe, Path(snakemake.params.root)
        recipe, settings = read_recipe(path, [Path(path).parent]), read_settings(snakemake.input.settings)
        result = measure(root, recipe, snakemake.params.image_size, settings)
        job.write_json(result, snakemake.output.result)
        logging.info("nothing to do: %.1f s at %d images", result["nothing_to_do"]["seconds"], result["images"])
