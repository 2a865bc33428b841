"""How long the default recipe trains until its lengths are good."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import torch

from fetal_biometry.measure.calibration import learn_correction
from fetal_biometry.model import detection
from fetal_biometry.model.export import closer_size
from fetal_biometry.model.geometry import all_lengths, scale_diameters
from fetal_biometry.model.training import Trainer
from fetal_biometry.model.training_inputs import load_samples
from fetal_biometry.processor import usable_cores
from fetal_biometry.recipe import Recipe, TrainingRecipe
from fetal_biometry.terms import LENGTHS, Split

GOOD_HC_MM = 1.0  # mean error on validation images at which a training counts as done


def seconds_until_good(work: Path, recipe: Recipe, pixel_sizes: pd.Series, epochs: int) -> float | None:
    """Seconds of training until the validation images' mean HC error is under `GOOD_HC_MM`; None: never.

    A run's training again. Each epoch's averaged network is read as the recipe reads it, from closer views and without
    bias; a training's history has lengths from one view. The time of reading does not count.

    Parameters
    ----------
    work : Path
        The run's, with prepared images and rendered targets.
    recipe : Recipe
    pixel_sizes : Series
        mm, by image name.
    epochs : int
        Of the training.
    """
    torch.set_num_threads(usable_cores())
    sides, of_recipe = (Split.TRAIN, Split.VALIDATION), work / "heatmap" / "targets"
    files = {"images": (work / "prepared", "npy"), "index": (work / "prepared", "csv")}
    files |= {"targets": (of_recipe, "npy"), "labels": (of_recipe, "csv")}
    inputs = {kind: [folder / f"{side}.{ending}" for side in sides] for kind, (folder, ending) in files.items()}
    values = recipe.training_part()
    training_part = TrainingRecipe.model_validate(values | {"training": values["training"] | {"epochs": epochs}})
    training, validation = load_samples(SimpleNamespace(**inputs), training_part)
    trainer = Trainer(training_part, training, validation, "", "bench")
    read, size = recipe.reading, closer_size(recipe, trainer.image_size)
    cells = recipe.training.sigma_px / recipe.network.stride
    decoding = detection.Decoding(read.decoder, cells, "none", tuple(read.closer_views), size)
    images, per_px = validation.images.gather(validation.names), pixel_sizes.loc[validation.names].to_numpy(dtype=float)
    seconds = 0.0
    for epoch in range(1, epochs + 1):
        seconds += trainer.run_epoch(epoch)["seconds"]
        points, _ = detection.find_heads(trainer.draw, images, validation.sizes, decoding)
        if read.correct_bias:
            points = scale_diameters(points, learn_correction(points, validation.points))
        error = np.abs(all_lengths(points) - all_lengths(validation.points))[:, LENGTHS.index("hc")] * per_px
        if error.mean() < GOOD_HC_MM:
            return seconds
    return None
