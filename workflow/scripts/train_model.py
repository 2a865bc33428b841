"""Train one experiment's network on the sound training labels."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from fetal_biometry import job
from fetal_biometry.cache import Shards
from fetal_biometry.errors import InputError
from fetal_biometry.frames import points_of, read_frame, report_unit, sizes_of, write_frame
from fetal_biometry.landmarks import COLUMNS
from fetal_biometry.training import Samples, Trainer


def treat_suspects(manifest: pd.DataFrame, audit: pd.DataFrame, found: pd.DataFrame | None, settings: dict):
    """What becomes of suspect labels: the manifest's rows that train, and the weight of each.

    ``drop`` leaves them out, ``keep`` takes them as they are, ``downweight`` gives them ``suspect_weight``,
    ``repair`` takes the out-of-fold network's landmarks where it was sure and drops the rest.
    """
    suspect = (audit["verdict"].reindex(manifest.index) == "suspect").to_numpy()
    weights, policy = np.ones(len(manifest)), settings["suspects"]
    if policy == "downweight":
        weights[suspect] = settings["suspect_weight"]
    elif policy == "repair":
        if found is None or "confidence" not in found:
            raise InputError(
                "suspects: repair needs the points of out-of-fold networks; set audit_method: out_of_fold."
            )
        found = found.reindex(manifest.index)
        repaired = suspect & (found["confidence"] >= settings["repair_confidence"]).to_numpy()
        manifest = manifest.copy()
        manifest.loc[repaired, list(COLUMNS)] = found.loc[repaired, list(COLUMNS)].to_numpy()
        weights[suspect & ~repaired] = 0
    elif policy == "drop":
        weights[suspect] = 0
    return manifest[weights > 0], weights[weights > 0]


def load_samples(snakemake) -> tuple[str, Samples, Samples]:
    """The unit of report, and the images that train and that validate; only sound labels validate."""
    split = read_frame(snakemake.input.split)["split"]
    audit = read_frame(snakemake.input.audit)
    found = read_frame(snakemake.input.found) if snakemake.input.get("found") else None
    manifest = read_frame(snakemake.input.manifest).loc[split.index[split != "test"]]
    unit, per_px = report_unit(manifest)
    manifest["per_px"] = per_px
    images = Shards(snakemake.input.images)
    targets = Shards(snakemake.input.heatmaps) if snakemake.input.get("heatmaps") else None

    def samples(rows: pd.DataFrame, weights: np.ndarray, targets: Shards | None) -> Samples:
        names, per_px = list(rows.index), rows["per_px"].to_numpy()
        return Samples(names, points_of(rows), weights, sizes_of(rows), per_px, images, targets)

    part = split.reindex(manifest.index)
    settings = snakemake.params.settings
    rows, weights = treat_suspects(manifest[part == "train"], audit, found, settings)
    training = samples(rows, weights, targets if settings["suspects"] != "repair" else None)
    sound = manifest[(part == "validation") & (audit["verdict"].reindex(manifest.index) == "sound")]
    if len(training) < 2:
        raise InputError(
            f"{snakemake.input.split}: {len(training)} sound training images; at least 2 are needed. "
            "Lower test_fraction and validation_fraction, or look into audit.csv."
        )
    return unit, training, samples(sound, np.ones(len(sound)), targets)


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
