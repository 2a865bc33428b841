"""Judge the labels of one part by networks that never saw their examinations."""

import logging

from fetal_biometry import job
from fetal_biometry.data.audit import judge_against_heads
from fetal_biometry.data.noisy_labels import SUGGESTED
from fetal_biometry.frames import points_of, read_frame, read_frames, sizes_of, write_frame
from fetal_biometry.limits import ReviewLimits, read_limits
from fetal_biometry.terms import COLUMNS, Verdict

if __name__ == "__main__":
    with job.start(snakemake):
        source = snakemake.input
        labels, index = read_frame(source.labels), read_frame(source.index)
        found = read_frames(source.found).loc[labels.index]
        confidence, sizes = found["confidence"].to_numpy(dtype=float), sizes_of(index.loc[labels.index])
        limits = read_limits(source.limits, ReviewLimits)
        verdicts, reasons, score = judge_against_heads(points_of(labels), points_of(found), confidence, sizes, limits)
        labels = labels.assign(reasons=reasons, verdict=verdicts, score=score.round(4))
        for column in (*COLUMNS, "confidence"):
            labels[f"{SUGGESTED}{column}"] = found[column]
        write_frame(labels, snakemake.output.labels)
        logging.info("%d labels, %d invalid", len(labels), (labels["verdict"] == Verdict.INVALID).sum())
