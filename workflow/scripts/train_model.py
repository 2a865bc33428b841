"""Train one experiment's network on the sound training labels."""

import logging
from pathlib import Path

import pandas as pd
import torch

from fetal_biometry import job
from fetal_biometry.cache import Shards
from fetal_biometry.errors import InputError
from fetal_biometry.frames import points_of, read_frame, report_unit, sizes_of, write_frame
from fetal_biometry.training import Samples, Trainer


def load_samples(snakemake) -> tuple[str, Samples, Samples]:
    """The unit of report, and the sound images that train and that validate."""
    manifest = read_frame(snakemake.input.manifest)
    split = read_frame(snakemake.input.split)["split"]
    sound = read_frame(snakemake.input.audit)["verdict"].reindex(split.index) == "sound"
    manifest = manifest.loc[split.index[sound & (split != "test")]]
    unit, per_px = report_unit(manifest)
    images = Shards(snakemake.input.images)
    targets = Shards(snakemake.input.heatmaps) if snakemake.input.get("heatmaps") else None

    def samples(part: str) -> Samples:
        chosen = (split.reindex(manifest.index) == part).to_numpy()
        rows = manifest[chosen]
        return Samples(list(rows.index), points_of(rows), sizes_of(rows), per_px[chosen], images, targets)

    training = samples("train")
    if len(training) < 2:
        raise InputError(
            f"{snakemake.input.split}: {len(training)} sound training images; at least 2 are needed. "
            "Lower test_fraction and validation_fraction, or look into audit.csv."
        )
    return unit, training, samples("validation")


if __name__ == "__main__":
    with job.start(snakemake):
        torch.set_num_threads(snakemake.threads)
        unit, training, validation = load_samples(snakemake)
        settings = {**snakemake.params.settings, "unit": unit}
        trainer = Trainer(settings, training, validation, snakemake.params.checkpoint, snakemake.params.identity)
        trainer.run()
        for which in ("best", "last"):
            with job.atomic_path(snakemake.output[which]) as temporary:
                torch.save(trainer.model(which), temporary)
        write_frame(pd.DataFrame(trainer.history), snakemake.output.history)
        Path(snakemake.params.checkpoint).unlink()
        logging.info("best epoch %d of %d", trainer.model("best")["epoch"], len(trainer.history))
