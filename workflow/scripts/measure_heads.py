"""Join the parts: lengths in px and mm, intervals, flags, and the tables other programs read."""

import json
import logging
import sys
from pathlib import Path

from fetal_biometry import job
from fetal_biometry.errors import refuse_if_all_bad
from fetal_biometry.frames import read_frames, write_frame
from fetal_biometry.limits import FlagLimits, read_limits
from fetal_biometry.measure import exports, growth
from fetal_biometry.measure.biometry import describe_row, measure_by_fold
from fetal_biometry.measure.contradictions import describe_pixel_sizes, read_facts
from fetal_biometry.measure.corrections import apply_corrections, read_corrections
from fetal_biometry.measure.site import Site
from fetal_biometry.measure.site_lengths import in_site_convention
from fetal_biometry.model.inference import Predictor

if __name__ == "__main__":
    with job.start(snakemake):
        source, params = snakemake.input, snakemake.params
        index, facts = read_frames(source.index).sort_index(), read_facts(source.facts, params.parts)
        if not len(index):
            refuse_if_all_bad(list(read_frames(source.quarantined)["reason"]))
        images = index.join(facts.drop(columns="image_name"))
        given = Predictor(source.model).calibration if source.get("model") else {}
        calibration = json.loads(Path(source.calibration).read_text()) if source.get("calibration") else given
        folds = read_frames(source.folds)["fold"] if source.get("folds") else None
        limits = read_limits(source.limits, FlagLimits) if params.flags else None
        found = read_frames(source.landmarks).loc[images.index]
        table = measure_by_fold(found, images, calibration, folds, limits, params.calliper)
        site = Site.model_validate(params.site) if params.site else None
        if source.get("corrections"):
            calliper = calibration.get("calliper", params.calliper)
            table = apply_corrections(table, images, read_corrections(source.corrections), calliper, site)
        weeks = images["gestational_age_weeks"].to_numpy(dtype=float)
        table = in_site_convention(table.join(growth.read_lengths(table, weeks, params.chart)), site)
        write_frame(table, snakemake.output.predictions)
        known = read_frames(source.plan)[["examination", "path", "frame"]].join(index[["width_px", "height_px"]])
        described = table.join(known, on="image_name")
        for path in snakemake.output.exports:
            name = Path(path).relative_to(Path(snakemake.output.predictions).parent).as_posix()
            with job.atomic_path(path) as temporary:
                temporary.write_bytes(exports.content(name, described))
        if site:
            logging.info("%s", site.describe())
        for line in describe_pixel_sizes(table, images, limits):
            logging.warning("%s", line)
            print(line, file=sys.stderr)
        for row in table.itertuples():
            logging.info("%s", describe_row(row))
