"""Join the shards: lengths in px and mm, intervals, flags, and the tables other programs read."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from fetal_biometry import growth, job
from fetal_biometry.biometry import describe_row, export_tables, reported_lengths, tabulate
from fetal_biometry.frames import points_of, read_frame, write_frame
from fetal_biometry.uncertainty import relative_intervals


def validation_rows(manifest, inputs) -> pd.Index:
    """Sound validation images: never trained on, so their errors calibrate the intervals."""
    if not inputs.get("split"):
        return manifest.index[:0]
    split, audit = read_frame(inputs.split), read_frame(inputs.audit)
    chosen = split.index[(split["split"] == "validation") & (audit["verdict"].reindex(split.index) == "sound")]
    return manifest.index[manifest.index.isin(chosen)]


if __name__ == "__main__":
    with job.start(snakemake):
        manifest = read_frame(snakemake.input.manifest)
        found = pd.concat([read_frame(path) for path in snakemake.input.landmarks]).loc[manifest.index]
        params, pixel_size = snakemake.params, manifest["pixel_size_mm"].to_numpy(dtype=float)
        lengths = reported_lengths(points_of(found), pixel_size, params.calliper)
        if params.trained:
            calibration = manifest.index.isin(validation_rows(manifest, snakemake.input))
            references = reported_lengths(points_of(manifest), pixel_size, params.calliper)[calibration]
            intervals = relative_intervals(lengths, lengths[calibration], references, params.interval_level)
        else:
            intervals = np.full((*lengths.shape, 2), np.nan)
        table = tabulate(found, manifest, intervals, params.limits, params.calliper)
        if params.chart != "none":
            weeks = manifest["gestational_age_weeks"].to_numpy(dtype=float)
            table = table.join(growth.read_lengths(table, weeks, params.chart))
        write_frame(table, snakemake.output.predictions)
        exports = export_tables(table, pixel_size)
        for path in snakemake.output.exports:
            write_frame(exports[Path(path).name], path)
        for row in table.itertuples():
            logging.info("%s", describe_row(row))
