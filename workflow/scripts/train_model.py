"""Train a recipe's network on rendered targets; without one fold where a fold is named."""

import logging

import pandas as pd
import torch

from fetal_biometry import job
from fetal_biometry.frames import read_frames, write_frame
from fetal_biometry.model.training import Trainer, save
from fetal_biometry.model.training_inputs import identity_of, image_digests, load_samples
from fetal_biometry.processor import usable_cores
from fetal_biometry.recipe import read_training_recipe

if __name__ == "__main__":
    with job.start(snakemake):
        torch.set_num_threads(min(snakemake.threads, usable_cores()))
        source = snakemake.input
        recipe, fold = read_training_recipe(source.recipe), snakemake.wildcards.get("fold")
        folds = read_frames(source.folds)["fold"] if fold is not None else None
        training, validation = load_samples(source, recipe, folds, fold)
        identity = identity_of(source, fold)
        trainer = Trainer(recipe, training, validation, snakemake.params.checkpoint, identity)
        trainer.run()
        seen = image_digests(source.index, [*training.names, *validation.names])
        models = trainer.models()
        for which, model in models.items():
            save({**model, "seen": seen}, snakemake.output[which])
        write_frame(pd.DataFrame(trainer.history), snakemake.output.history)
        logging.info("epoch %d of %d is kept", models["best"]["epoch"], len(trainer.history))
