"""Judge each label: sound, or suspect and why; by networks of other examinations where any were trained."""

import logging

import pandas as pd

from fetal_biometry import job
from fetal_biometry.audit import judge_against_heads, tabulate
from fetal_biometry.frames import points_of, read_frame, sizes_of, write_frame
from fetal_biometry.splits import fold_of


def gather_folds(manifest: pd.DataFrame, paths: list[str], folds: int, seed: int) -> pd.DataFrame:
    """What each image's own fold found: landmarks of the network that its examination did not teach."""
    shards = len(paths) // folds
    tables = [pd.concat(map(read_frame, paths[i * shards : (i + 1) * shards])) for i in range(folds)]
    fold = manifest["examination"].map(lambda name: fold_of(name, seed, folds))
    return pd.concat([table.loc[manifest.index[fold == i]] for i, table in enumerate(tables)]).loc[manifest.index]


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
