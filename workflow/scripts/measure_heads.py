"""Join the shards: lengths in px and mm, intervals, flags, and the tables other programs read."""

import json
import logging
from pathlib import Path

from fetal_biometry import growth, job
from fetal_biometry.biometry import describe_measurements, describe_row, export_tables, measure
from fetal_biometry.folds import gather_landmarks
from fetal_biometry.frames import read_frame, write_frame
from fetal_biometry.inference import Predictor


def read_calibration(inputs) -> dict:
    """Of the model trained here, or the one that came with a given model; older models have none."""
    if inputs.get("calibration"):
        return json.loads(Path(inputs.calibration).read_text())
    return Predictor(inputs.model).metadata.get("calibration", {})


if __name__ == "__main__":
    with job.start(snakemake):
        manifest = read_frame(snakemake.input.manifest)
        params = snakemake.params
        found = gather_landmarks(snakemake.input, manifest, params.folds, params.seed).loc[manifest.index]
        calibration = read_calibration(snakemake.input)
        table, pixel_size = measure(found, manifest, calibration, params.limits, params.calliper)
        if params.chart != "none":
            weeks = manifest["gestational_age_weeks"].to_numpy(dtype=float)
            table = table.join(growth.read_lengths(table, weeks, params.chart))
        write_frame(table, snakemake.output.predictions)
        exports = export_tables(table, pixel_size)
        for path in snakemake.output.exports:
            write_frame(exports[Path(path).name], path)
        job.write_json(describe_measurements(table, pixel_size), snakemake.output.measurements)
        for row in table.itertuples():
            logging.info("%s", describe_row(row))
