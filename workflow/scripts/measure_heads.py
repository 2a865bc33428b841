"""Join the parts: lengths in px and mm, intervals, flags, and the tables other programs read."""

import json
import logging
from pathlib import Path

from fetal_biometry import job
from fetal_biometry.errors import refuse_if_all_bad
from fetal_biometry.frames import read_frames, write_frame
from fetal_biometry.limits import FlagLimits, read_limits
from fetal_biometry.measure import growth
from fetal_biometry.measure.biometry import describe_row, measure_by_fold
from fetal_biometry.measure.corrections import apply_corrections, read_corrections
from fetal_biometry.measure.exports import EXPORTS
from fetal_biometry.model.inference import Predictor

if __name__ == "__main__":
    with job.start(snakemake):
        source, params = snakemake.input, snakemake.params
        index, facts = read_frames(source.index).sort_index(), read_frames(source.facts)
        if not len(index):
            refuse_if_all_bad(list(read_frames(source.quarantined)["reason"]))
        images = index.join(facts.drop(columns="image_name"))
        given = Predictor(source.model).calibration if source.get("model") else {}
        calibration = json.loads(Path(source.calibration).read_text()) if source.get("calibration") else given
        folds = read_frames(source.folds)["fold"] if source.get("folds") else None
        limits = read_limits(source.limits, FlagLimits) if params.flags else None
        found = read_frames(source.landmarks).loc[images.index]
        table = measure_by_fold(found, images, calibration, folds, limits, params.calliper)
        if source.get("corrections"):
            calliper = calibration.get("calliper", params.calliper)
            table = apply_corrections(table, images, read_corrections(source.corrections), calliper)
        weeks = images["gestational_age_weeks"].to_numpy(dtype=float)
        table = table.join(growth.read_lengths(table, weeks, params.chart))
        write_frame(table, snakemake.output.predictions)
        for path in snakemake.output.exports:
            with job.atomic_path(path) as temporary:
                temporary.write_text(EXPORTS[Path(path).name](table), encoding="utf-8")
        for row in table.itertuples():
            logging.info("%s", describe_row(row))
