"""Train one experiment's network on the sound training labels."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from fetal_biometry import job
from fetal_biometry.data.audit import sure_heads
from fetal_biometry.errors import InputError
from fetal_biometry.frames import contents, points_of, read_frame, report_unit, sizes_of, write_frame
from fetal_biometry.images.cache import Shards
from fetal_biometry.model.landmarks import COLUMNS
from fetal_biometry.model.training import Samples, Trainer, save


def treat_suspects(manifest: pd.DataFrame, audit: pd.DataFrame, found: pd.DataFrame | None, settings: dict):
    """What becomes of suspect and doubtful labels: the labels, the weight of each (0: left out), and which are taught.

    ``drop`` leaves them out, ``keep`` takes them as they are, ``downweight`` gives them ``suspect_weight``,
    ``repair`` takes the out-of-fold network's landmarks where it was sure of a head that passes the audit's
    ``limits``, and drops the rest, ``teach`` leaves them to the network's own points as training goes on.
    """
    suspect = (audit["verdict"].reindex(manifest.index) != "sound").to_numpy()
    weights, taught, policy = np.ones(len(manifest)), np.zeros(len(manifest), dtype=bool), settings["suspects"]
    if policy == "downweight":
        weights[suspect] = settings["suspect_weight"]
    elif policy == "repair":
        if found is None or "confidence" not in found:
            raise InputError(
                "suspects: repair needs the points of out-of-fold networks; set audit_method: out_of_fold."
            )
        found = found.reindex(manifest.index)
        least, limits = settings["repair_confidence"], settings["limits"]
        repaired = suspect & sure_heads(points_of(found), found["confidence"], sizes_of(manifest), least, limits)
        manifest = manifest.copy()
        manifest.loc[repaired, list(COLUMNS)] = found.loc[repaired, list(COLUMNS)].to_numpy()
        weights[suspect & ~repaired] = 0
    elif policy in ("drop", "teach"):
        weights[suspect] = 0
        taught = suspect & (policy == "teach")
    return manifest, weights, taught


def load_samples(snakemake) -> tuple[dict, Samples, Samples, list[str]]:
    """All settings of the training, the images that train and that validate, and what stands for both's contents.

    Only sound labels validate.
    """
    split = read_frame(snakemake.input.split)["split"]
    if snakemake.params.settings["cross_fit"] != "none":
        split = split.replace("validation", "train")
    audit = read_frame(snakemake.input.audit)
    found = read_frame(snakemake.input.found) if snakemake.input.get("found") else None
    manifest = read_frame(snakemake.input.manifest).loc[split.index[split != "test"]]
    unit, per_px = report_unit(manifest)
    manifest["per_px"] = per_px
    images = Shards(snakemake.input.images)
    targets = Shards(snakemake.input.heatmaps) if snakemake.input.get("heatmaps") else None

    def samples(rows: pd.DataFrame, weights: np.ndarray, taught: np.ndarray, targets: Shards | None) -> Samples:
        names, per_px = list(rows.index), rows["per_px"].to_numpy()
        return Samples(names, points_of(rows), weights, taught, sizes_of(rows), per_px, images, targets)

    part = split.reindex(manifest.index)
    settings = {**snakemake.params.settings, "unit": unit, "limits": snakemake.params.limits}
    rows, weights, taught = treat_suspects(manifest[part == "train"], audit, found, settings)
    replaced = settings["suspects"] in ("repair", "teach")  # the rendered heatmaps are the labels'
    training = samples(rows, weights, taught, None if replaced else targets)
    sound = manifest[(part == "validation") & (audit["verdict"].reindex(manifest.index) == "sound")]
    if np.count_nonzero(weights) < 2:
        raise InputError(
            f"{snakemake.input.split}: {np.count_nonzero(weights)} sound training images; at least 2 are needed. "
            "Lower test_fraction and validation_fraction, or look into audit.csv."
        )
    validation = samples(sound, np.ones(len(sound)), np.zeros(len(sound), dtype=bool), targets)
    return settings, training, validation, sorted(contents(manifest))


def load_strangers(path) -> Samples | None:
    """Images without a head, where any were drawn."""
    if not path:
        return None
    index = read_frame(Path(path).with_suffix(".csv"))
    nothing = np.zeros(len(index), dtype=bool)
    return Samples(
        list(index.index), points_of(index), nothing, nothing, sizes_of(index), nothing, Shards([path]), None
    )


if __name__ == "__main__":
    with job.start(snakemake):
        torch.set_num_threads(snakemake.threads)
        settings, training, validation, seen = load_samples(snakemake)
        strangers = load_strangers(snakemake.input.get("strangers"))
        params = snakemake.params
        trainer = Trainer(settings, training, validation, params.checkpoint, params.identity, strangers)
        trainer.run()
        models = trainer.models()
        for which, model in models.items():
            save({**model, "seen": seen}, snakemake.output[which])
        write_frame(pd.DataFrame(trainer.history), snakemake.output.history)
        logging.info("best epoch %d of %d", models["best"]["epoch"], len(trainer.history))
