"""Networks of folds: each has examinations that taught it nothing, and its word on them is worth something."""

import pandas as pd

from fetal_biometry.frames import read_frame
from fetal_biometry.splits import fold_of


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
    fold = manifest["examination"].map(lambda name: fold_of(name, seed, folds))
    return pd.concat([table.loc[manifest.index[fold == i]] for i, table in enumerate(tables)]).loc[manifest.index]


def measured_unseen(found: pd.DataFrame, manifest: pd.DataFrame, split: pd.Series, paths, folds: int, seed: int):
    """A model's landmarks, and those of the images that taught it by the network of the fold that each did not teach.

    Parameters
    ----------
    found : DataFrame
        Landmarks by the model, of the images that did not teach it.
    split : Series
        train, validation or test, by image.
    manifest, paths, folds, seed
        As of `gather_folds`; ``paths`` are those of the folds' networks.
    """
    taught = split.index[split != "test"]
    return pd.concat([found, gather_folds(manifest.loc[taught], list(paths), folds, seed)])
