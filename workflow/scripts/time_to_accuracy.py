"""How long ours takes to measure as well as the reference does when its training ends."""

import json
import logging
from pathlib import Path

import pandas as pd

from fetal_biometry import job
from fetal_biometry.errors import InputError
from fetal_biometry.frames import read_frame

MEASURE = "validation_relative_error"  # mean of the three lengths' errors on the validation images


def reach(reference: pd.DataFrame, ours: pd.DataFrame, plain_epoch: float) -> dict:
    """Seconds of both.

    Parameters
    ----------
    reference, ours : DataFrame
        Histories by epoch, of trainings on the same images.
    plain_epoch : float
        Seconds of the reference's epoch in its own plain loop.

    Returns
    -------
    dict
        ``goal``, the reference's error after its last epoch; ``epochs`` and ``seconds`` that ours took to get there,
        None where it never did; ``reference_seconds`` of all its epochs in the plain loop; ``times_faster``.
    """
    goal, spent = float(reference[MEASURE].iloc[-1]), ours["seconds"].cumsum()
    arrived = (ours[MEASURE] <= goal).to_numpy()
    slow = plain_epoch * len(reference)
    first = int(arrived.argmax()) if arrived.any() else None
    seconds = None if first is None else float(spent.iloc[first])
    return {
        "goal": goal,
        "epochs": None if first is None else first + 1,
        "seconds": seconds,
        "reference_epochs": len(reference),
        "reference_seconds": slow,
        "times_faster": None if seconds is None else slow / seconds,
    }


if __name__ == "__main__":
    with job.start(snakemake):
        histories = {name: pd.read_csv(snakemake.input[name]) for name in ("reference", "ours")}
        for name, history in histories.items():
            if MEASURE not in history:
                raise InputError(
                    f"{snakemake.input[name]}: no error on validation images; take an experiment with cross_fit: none."
                )
        images = (read_frame(snakemake.input.split)["split"] == "train").sum()
        plain = json.loads(Path(snakemake.input.bench).read_text())["seconds_an_image"]["plain"]["median"]
        result = reach(histories["reference"], histories["ours"], plain * images)
        job.write_json(result, snakemake.output.result)
        logging.info("%s", result)
