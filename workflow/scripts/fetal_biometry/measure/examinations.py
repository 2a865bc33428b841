"""One value per examination, from all of its images."""

from __future__ import annotations

import pandas as pd

from fetal_biometry.measure.flags import doubts_of
from fetal_biometry.terms import LENGTHS


def by_examination(table: pd.DataFrame) -> pd.DataFrame:
    """A row an examination, by name: its images, and each length's median and spread in millimetres.

    Parameters
    ----------
    table : DataFrame
        A predictions table with ``examination``; lengths in mm are NaN where they are unknown, and are left out.

    Returns
    -------
    DataFrame
        See `columns.EXAMINATIONS`. The spread is the largest less the smallest value, NaN of fewer than two.

    Examples
    --------
    >>> one = {f"{name}_mm": [50.0, 52.0, 51.0] for name in LENGTHS}
    >>> table = pd.DataFrame({"examination": ["7", "7", "8"], "flags": "", **one})
    >>> by_examination(table)[["examination", "images", "bpd_mm", "bpd_mm_spread"]].values.tolist()
    [['7', 2, 51.0, 2.0], ['8', 1, 51.0, nan]]
    """
    flagged = pd.Series([flag != "" for flag in doubts_of(table["flags"])], table.index, dtype=bool)
    groups = table.assign(flagged=flagged).groupby("examination", sort=True)
    found = pd.DataFrame(
        {"images": groups.size(), "measured": groups["hc_mm"].count(), "flagged": groups["flagged"].sum()}
    )
    for name in LENGTHS:
        lengths = groups[f"{name}_mm"]
        found[f"{name}_mm"] = lengths.median().round(3)
        found[f"{name}_mm_spread"] = (lengths.max() - lengths.min()).where(lengths.count() > 1).round(3)
    return found.reset_index()
