"""Judge a model on planes of other centres: a table of figures, and a page."""

import logging

from fetal_biometry import job
from fetal_biometry.data.labels import read_labels
from fetal_biometry.frames import read_frame, write_frame
from fetal_biometry.images.cache import Arrays
from fetal_biometry.limits import FlagLimits, read_limits
from fetal_biometry.measure.elsewhere import LEFT_OUT_NOTE, OWN_NOTE, measure_planes, with_dots
from fetal_biometry.model.inference import Predictor
from fetal_biometry.report.elsewhere import passes, report_elsewhere
from fetal_biometry.report.pages import write_page

if __name__ == "__main__":
    with job.start(snakemake):
        source, params = snakemake.input, snakemake.params
        index, planes = read_frame(source.index), read_frame(source.planes)
        images = index.join(planes.drop(columns="image_name")).join(read_frame(source.plan)[["path", "frame"]])
        if source.get("calibrations"):
            calibrations, note = job.read_json(source.calibrations), LEFT_OUT_NOTE
        else:
            own = Predictor(source.model).calibration
            calibrations, note = dict.fromkeys(planes["centre"].unique(), own), OWN_NOTE
        references, _ = read_labels(read_frame(source.references), index)
        limits = read_limits(source.limits, FlagLimits)
        landmarks = read_frame(source.landmarks)
        found = measure_planes(landmarks, images, calibrations, references, limits)
        landmarks = with_dots(landmarks, Arrays([source.images]), images)
        dotted = measure_planes(landmarks, images, calibrations, references, limits)
        found["passes_dotted"] = passes(dotted)
        table, page = report_elsewhere(found, params.run, params.model, params.level, note)
        write_frame(table, snakemake.output.table)
        write_page(page, snakemake.output.html)
        logging.info("%d images of %s", len(planes), ", ".join(calibrations))
