"""What a training reads, from the files of the workflow."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from fetal_biometry.errors import InputError
from fetal_biometry.frames import contents, points_of, read_frame, read_frames, sizes_of
from fetal_biometry.images.cache import Arrays
from fetal_biometry.model.samples import Samples
from fetal_biometry.recipe import TrainingRecipe
from fetal_biometry.terms import Split


def load_samples(
    inputs, recipe: TrainingRecipe, folds: pd.Series | None = None, fold: str | None = None
) -> tuple[Samples, Samples]:
    """The images that train, and those that validate.

    Parameters
    ----------
    inputs : snakemake.io.InputFiles
        ``images``, ``index``, ``targets`` and ``labels`` of the train and the validation part.
    folds : Series, optional
        The fold of each image; with ``fold`` its images are left out, and all others train.

    Raises
    ------
    InputError
        Fewer than two labels train.
    """
    tables = {Path(path).stem: read_frame(path) for path in inputs.labels}
    labels = pd.concat([table.assign(split=part) for part, table in tables.items()])
    if fold is not None:
        labels = labels[folds.loc[labels.index].to_numpy() != int(fold)]
    if fold is not None or recipe.training.calibrate_on == "out_of_fold":
        labels = labels.assign(split=str(Split.TRAIN))
    index, images, targets = read_frames(inputs.index), Arrays(inputs.images), Arrays(inputs.targets)

    def samples(split: Split, column: str) -> Samples:
        rows = labels[(labels["split"] == split) & (labels[column] == 1)]
        return Samples(list(rows.index), points_of(rows), sizes_of(index.loc[rows.index]), images, targets)

    training, validation = samples(Split.TRAIN, "trains"), samples(Split.VALIDATION, "valid")
    if len(training) < 2:
        raise InputError(
            f"{inputs.labels[0]}: {len(training)} valid training labels; at least 2 are needed. Lower test_fraction "
            "and validation_fraction, or look into audit.csv."
        )
    return training, validation


def image_digests(index_files: list[str], names: list[str]) -> list[str]:
    """What stands for the content of images in a model that was trained on them."""
    return sorted(contents(read_frames(index_files).loc[names]))


def identity_of(files: Iterable[str], fold: str | None) -> str:
    """Digest of a training's inputs, which tells its checkpoint from another one's."""
    digest = hashlib.sha256(str(fold).encode())
    for path in files:
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
