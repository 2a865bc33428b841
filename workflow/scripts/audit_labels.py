"""Read the labels of one part and judge each by its geometry."""

import logging

from fetal_biometry import job
from fetal_biometry.data.audit import judge_labels
from fetal_biometry.data.label_views import refuse_labels_of_other_views
from fetal_biometry.data.labels import read_labels
from fetal_biometry.frames import points_of, read_frame, sizes_of, write_frame
from fetal_biometry.limits import AuditLimits, read_limits
from fetal_biometry.terms import Verdict

if __name__ == "__main__":
    with job.start(snakemake):
        source, params = snakemake.input, snakemake.params
        index, stop = read_frame(source.index), params.on_bad_image == "stop"
        labels, bad = read_labels(read_frame(source.labels), index, params.outside_tolerance, stop)
        refuse_labels_of_other_views(labels, read_frame(source.plan))
        limits = read_limits(source.limits, AuditLimits)
        verdicts, reasons, score = judge_labels(points_of(labels), sizes_of(index.loc[labels.index]), limits)
        labels = labels.assign(reasons=reasons, verdict=verdicts, score=score.round(4))
        write_frame(labels, snakemake.output.labels)
        write_frame(bad, snakemake.output.quarantine)
        logging.info("%d labels, %d invalid", len(labels), (labels["verdict"] == Verdict.INVALID).sum())
