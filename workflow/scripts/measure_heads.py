"""Join the shards: lengths in px and mm, intervals, flags, and the tables other programs read."""

import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd

from fetal_biometry import job
from fetal_biometry.data.folds import gather_landmarks
from fetal_biometry.frames import read_frame, write_frame
from fetal_biometry.measure import growth
from fetal_biometry.measure.biometry import describe_measurements, describe_row, export_tables, measure
from fetal_biometry.model.inference import Predictor


def read_calibration(inputs) -> dict:
    """Of the model trained here, or the one that came with a given model; older models have none."""
    if inputs.get("calibration"):
        return json.loads(Path(inputs.calibration).read_text())
    return Predictor(inputs.model).metadata.get("calibration", {})


def measure_all(inputs, manifest: pd.DataFrame, params) -> tuple[pd.DataFrame, np.ndarray]:
    """See `biometry.measure`; what is said of an image that calibrated rests on other examinations alone."""
    found, fold = gather_landmarks(inputs, manifest, params.folds, params.seed)
    found, calibration = found.loc[manifest.index], read_calibration(inputs)
    tables, pixel_sizes = [], np.full((len(manifest), 2), np.nan)
    for k in np.unique(fold):
        rows = fold == k
        known = calibration if k < 0 else calibration["without"][k]
        table, pixel_sizes[rows] = measure(found[rows], manifest[rows], known, params.limits, params.calliper)
        tables.append(table.set_axis(np.flatnonzero(rows)))
    return pd.concat(tables).sort_index(), pixel_sizes


if __name__ == "__main__":
    with job.start(snakemake):
        manifest = read_frame(snakemake.input.manifest)
        params = snakemake.params
        table, pixel_size = measure_all(snakemake.input, manifest, params)
        weeks = manifest["gestational_age_weeks"].to_numpy(dtype=float)
        table = table.join(growth.read_lengths(table, weeks, params.chart))
        write_frame(table, snakemake.output.predictions)
        exports = export_tables(table, pixel_size)
        for path in snakemake.output.exports:
            write_frame(exports[Path(path).name], path)
        job.write_json(describe_measurements(table, pixel_size), snakemake.output.measurements)
        for row in table.itertuples():
            logging.info("%s", describe_row(row))
