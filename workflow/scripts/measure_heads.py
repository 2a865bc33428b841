"""Join the shards: lengths in px and mm, intervals, flags, and the tables other programs read."""

import json
import logging
from pathlib import Path

import numpy as np

from fetal_biometry import growth, job
from fetal_biometry.biometry import describe_row, export_tables, reported_lengths, tabulate
from fetal_biometry.decoding import EVIDENCE
from fetal_biometry.folds import gather_landmarks
from fetal_biometry.frames import points_of, read_frame, write_frame
from fetal_biometry.geometry import UNSTRETCHED, stretch_diameters
from fetal_biometry.inference import Predictor
from fetal_biometry.landmarks import COLUMNS
from fetal_biometry.uncertainty import intervals


def read_calibration(inputs) -> dict:
    """Of the model trained here, or the one that came with a given model; older models have none."""
    if inputs.get("calibration"):
        return json.loads(Path(inputs.calibration).read_text())
    return Predictor(inputs.model).metadata.get("calibration", {})


if __name__ == "__main__":
    with job.start(snakemake):
        manifest = read_frame(snakemake.input.manifest)
        params, pixel_size = snakemake.params, manifest["pixel_size_mm"].to_numpy(dtype=float)
        found = gather_landmarks(snakemake.input, manifest, params.folds, params.seed).loc[manifest.index]
        calibration = read_calibration(snakemake.input)
        corrected = stretch_diameters(points_of(found), calibration.get("correction", UNSTRETCHED))
        found[list(COLUMNS)] = corrected.reshape(-1, 8)
        lengths = reported_lengths(points_of(found), pixel_size, params.calliper)
        ends = np.full((*lengths.shape, 2), np.nan)
        if calibration:
            hc_mm = np.where(np.isfinite(pixel_size), lengths[:, 2], np.nan)
            ends = intervals(calibration, lengths, found[list(EVIDENCE)].to_numpy(dtype=float), hc_mm)
        table = tabulate(found, manifest, ends, params.limits, params.calliper)
        if params.chart != "none":
            weeks = manifest["gestational_age_weeks"].to_numpy(dtype=float)
            table = table.join(growth.read_lengths(table, weeks, params.chart))
        write_frame(table, snakemake.output.predictions)
        exports = export_tables(table, pixel_size)
        for path in snakemake.output.exports:
            write_frame(exports[Path(path).name], path)
        for row in table.itertuples():
            logging.info("%s", describe_row(row))
