"""Networks of folds: each has examinations that taught it nothing, and its word on them is worth something."""

import numpy as np
import pandas as pd

from fetal_biometry.data.splits import fold_of
from fetal_biometry.frames import read_frame


def gather_folds(manifest: pd.DataFrame, paths: list[str], folds: int, seed: int) -> pd.DataFrame:
    """What each image's own fold found: landmarks of the network that its examination did not teach.

    Parameters
    ----------
    manifest : DataFrame
        The images asked for, with their ``examination``.
    paths : list of path
        Landmark tables, fold by fold, as many shards of each.
    folds, seed : int
        Of `splits.fold_of`.

    Returns
    -------
    DataFrame
        One row an image, in the manifest's order.
    """
    shards = len(paths) // folds
    tables = [pd.concat(map(read_frame, paths[i * shards : (i + 1) * shards])) for i in range(folds)]
    fold = _folds_of(manifest, folds, seed)
    return pd.concat([table.loc[manifest.index[fold == i]] for i, table in enumerate(tables)]).loc[manifest.index]


def _folds_of(manifest: pd.DataFrame, folds: int, seed: int) -> pd.Series:
    return manifest["examination"].map(lambda name: fold_of(name, seed, folds))


def _left_out(inputs, manifest: pd.DataFrame, folds: int, seed: int) -> np.ndarray:
    """The fold of each image that taught the model, of whose networks one never saw it; -1 of all others, (N,).

    Parameters
    ----------
    inputs : snakemake.io.InputFiles
        ``unseen``, landmarks found by the folds' networks where there are any, and the ``split`` that taught the model.
    manifest, folds, seed
        As of `gather_folds`.
    """
    if not inputs.get("unseen"):
        return np.full(len(manifest), -1)
    taught = manifest.index.map(read_frame(inputs.split)["split"]).isin(["train", "validation"])
    return np.where(taught, _folds_of(manifest, folds, seed), -1)


def gather_landmarks(inputs, manifest: pd.DataFrame, folds: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """What was found in each image, by the model or the network of the fold that left it out, and that fold, (N,).

    ``inputs`` and folds as of `_left_out`, and ``landmarks``, the model's own tables.
    """
    found, fold = pd.concat(map(read_frame, inputs.landmarks)), _left_out(inputs, manifest, folds, seed)
    taught = manifest[fold >= 0]
    if len(taught):
        found = pd.concat([found, gather_folds(taught, list(inputs.unseen), folds, seed)])
    return found, fold
