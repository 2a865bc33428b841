"""When a training is as good as the baseline's is at its end."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

MEASURE = "validation_relative_error"  # mean of the three lengths' errors on the validation images


@dataclass(frozen=True)
class Race:
    """A training against the baseline's.

    ``goal`` is the baseline's error after its last epoch. ``epochs`` and ``seconds`` are what the other took to reach
    it, None where it never did. ``baseline_seconds`` is the time of ``baseline_epochs`` in a plain loop.
    """

    goal: float
    epochs: int | None
    seconds: float | None
    baseline_epochs: int
    baseline_seconds: float
    times_faster: float | None


def race(baseline: pd.DataFrame, other: pd.DataFrame, plain_epoch: float) -> Race:
    """Compare two histories by epoch, of trainings on the same images; ``plain_epoch`` in seconds."""
    goal, spent = float(baseline[MEASURE].iloc[-1]), other["seconds"].cumsum()
    arrived = (other[MEASURE] <= goal).to_numpy()
    slow = plain_epoch * len(baseline)
    if not arrived.any():
        return Race(goal, None, None, len(baseline), slow, None)
    first = int(arrived.argmax())
    seconds = float(spent.iloc[first])
    return Race(goal, first + 1, seconds, len(baseline), slow, slow / seconds)
