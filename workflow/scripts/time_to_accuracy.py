"""How long the run's recipe trains until it measures as well as the baseline does at its end."""

import json
import logging
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from fetal_biometry import job
from fetal_biometry.bench.accuracy import MEASURE, race
from fetal_biometry.errors import InputError
from fetal_biometry.frames import read_frame
from fetal_biometry.terms import Split

if __name__ == "__main__":
    with job.start(snakemake):
        files = snakemake.input
        baseline, other = (pd.read_csv(path) for path in (files.baseline, files.other))
        for path, history in ((files.baseline, baseline), (files.other, other)):
            if MEASURE not in history:
                raise InputError(f"{path}: no error on validation images; take a recipe with keep: best.")
        images = int((read_frame(files.images)["split"] == Split.TRAIN).sum())
        plain = json.loads(Path(files.bench).read_text(encoding="utf-8"))["seconds_an_image"]["plain"]["median"]
        result = race(baseline, other, plain * images)
        job.write_json(asdict(result), snakemake.output.result)
        logging.info("%s", result)
