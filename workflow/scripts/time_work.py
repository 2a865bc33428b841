"""Time trainings, images from file to mm, or commands."""

from pathlib import Path

from fetal_biometry import job
from fetal_biometry.bench.commands import time_commands
from fetal_biometry.bench.inference import time_inference
from fetal_biometry.bench.settings import read_settings
from fetal_biometry.bench.training import time_training
from fetal_biometry.recipe import read_recipe

if __name__ == "__main__":
    with job.start(snakemake):
        source, size = snakemake.input, snakemake.params.image_size
        settings = read_settings(source.settings)
        baseline, default = (
            read_recipe(path, [Path(path).parent], {"training": {"device": "cpu"}})
            for path in (source.baseline, source.default)
        )
        match snakemake.wildcards.work:
            case "training":
                figures = time_training(baseline, default, size, settings)
            case "inference":
                figures = time_inference(source.model, baseline, size, settings)
            case "commands":
                figures = time_commands(Path(snakemake.params.root), default, settings)
        job.write_json(figures, snakemake.output.figures)
