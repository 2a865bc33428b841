"""Time epochs of recipes and of a plain loop over the baseline."""

import logging
from pathlib import Path

from fetal_biometry import job
from fetal_biometry.bench.settings import read_settings
from fetal_biometry.bench.training import measure
from fetal_biometry.recipe import read_recipe

if __name__ == "__main__":
    with job.start(snakemake):
        recipes = {
            Path(path).stem: read_recipe(path, [Path(path).parent], {"training": {"device": "cpu"}})
            for path in snakemake.input.recipes
        }
        settings = read_settings(snakemake.input.settings)
        result = measure(recipes, snakemake.params.image_size, settings)
        job.write_json(result, snakemake.output.result)
        faster = result["times_faster_than_plain"]["heatmap"]["median"]
        logging.info("an epoch is %.1f times faster than the plain loop's", faster)
