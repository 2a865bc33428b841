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


def gather_landmarks(inputs, manifest: pd.DataFrame, folds: int, seed: int) -> pd.DataFrame:
    """What was found in each image: by the model or, where it was taught by it, by the network of the fold left out.

    Parameters
    ----------
    inputs : snakemake.io.InputFiles
        ``landmarks``, the model's own tables; ``unseen``, where there are any, those of its folds' networks, and the
        ``split`` by which the model was trained.
    manifest, folds, seed
        As of `gather_folds`.
    """
    found = pd.concat(map(read_frame, inputs.landmarks))
    if not inputs.get("unseen"):
        return found
    split = read_frame(inputs.split)["split"]
    taught = manifest.loc[split.index[split != "test"]]
    return pd.concat([found, gather_folds(taught, list(inputs.unseen), folds, seed)])
