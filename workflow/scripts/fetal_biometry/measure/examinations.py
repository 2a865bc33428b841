"""One value an examination: the median of its images, and how far they spread."""

from __future__ import annotations

import pandas as pd

from fetal_biometry.terms import LENGTHS


def by_examination(table: pd.DataFrame) -> pd.DataFrame:
    """A row an examination: ``examination``, ``images``, and of each length median and spread in mm.

    The spread is the largest value less the smallest. Both are NaN where no image has a pixel size.
    """
    groups = table.groupby("examination", sort=True)
    columns = {"images": groups.size()}
    for length in LENGTHS:
        values = groups[f"{length}_mm"]
        columns |= {f"{length}_mm": values.median(), f"{length}_mm_spread": values.max() - values.min()}
    return pd.DataFrame(columns).reset_index()
