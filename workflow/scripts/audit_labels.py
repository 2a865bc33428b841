"""Judge each label: sound, or suspect and why; by networks of other examinations where any were trained."""

import logging

from fetal_biometry import job
from fetal_biometry.data.audit import judge_against_heads, tabulate
from fetal_biometry.data.folds import gather_folds
from fetal_biometry.frames import points_of, read_frame, sizes_of, write_frame

if __name__ == "__main__":
    with job.start(snakemake):
        params = snakemake.params
        manifest = read_frame(snakemake.input.manifest)
        manifest = manifest[manifest["label_source"] != ""]
        audit, found = read_frame(snakemake.input.screen), manifest[["image_name"]]
        if snakemake.input.landmarks:
            found = gather_folds(manifest, list(snakemake.input.landmarks), params.folds, params.seed)
            confidence = found["confidence"].to_numpy(dtype=float)
            judgement = judge_against_heads(
                points_of(manifest), points_of(found), confidence, sizes_of(manifest), params.limits
            )
            audit = tabulate(manifest.index, judgement)
        write_frame(audit, snakemake.output.audit)
        write_frame(found, snakemake.output.found)
        logging.info("%d labels, %d suspect", len(audit), (audit["verdict"] == "suspect").sum())
