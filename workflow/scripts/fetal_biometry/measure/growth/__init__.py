"""What a sonographer reads from head lengths: gestational age, centiles, cephalic index. Research output.

A chart is a module here with ``estimate_age`` and ``AGES``, the weeks that it was made from: outside of these there
is no answer, only NaN. A length enters a chart as the chart's authors took it.
"""

import numpy as np
import pandas as pd

from fetal_biometry.measure.growth import hadlock, intergrowth
from fetal_biometry.terms import LENGTHS

CHARTS = {"hadlock": hadlock, "intergrowth": intergrowth}


def estimate_age(lengths_mm: np.ndarray, chart: str) -> np.ndarray:
    """Weeks from HC and from BPD, (N, 2), of BPD (outer-to-outer), OFD and HC, (N, 3); NaN beyond the chart."""
    if chart not in CHARTS:
        raise ValueError(f"{chart!r} is none of {', '.join(CHARTS)}")
    weeks, (youngest, oldest) = CHARTS[chart].estimate_age(lengths_mm), CHARTS[chart].AGES
    return np.where((weeks >= youngest) & (weeks <= oldest), weeks, np.nan)


def read_lengths(table: pd.DataFrame, weeks: np.ndarray, chart: str) -> pd.DataFrame:
    """The clinical reading of a predictions table, columns to stand beside its own.

    Parameters
    ----------
    table : DataFrame
        ``bpd_mm`` (outer-to-outer), ``ofd_mm`` and ``hc_mm``; NaN without a pixel size, and then so is the reading but
        for the cephalic index, which is that of ``bpd_px`` and ``ofd_px``.
    weeks : ndarray of shape (N,)
        Gestational age by dates, NaN where it is not known; no centile without it.
    chart : str
        See `estimate_age`; with ``none`` there is no column.
    """
    if chart == "none":
        return pd.DataFrame(index=table.index)
    lengths = table[[f"{length}_mm" for length in LENGTHS]].to_numpy(dtype=float)
    ages, shares = estimate_age(lengths, chart), intergrowth.centiles(lengths, weeks)
    cephalic_index = (table["bpd_mm"] / table["ofd_mm"]).fillna(table["bpd_px"] / table["ofd_px"])
    columns = {"cephalic_index": cephalic_index.to_numpy().round(4)}
    columns |= {f"age_weeks_{length}": ages[:, i].round(2) for i, length in enumerate(("hc", "bpd"))}
    columns |= {f"{length}_centile": shares[:, i].round(1) for i, length in enumerate(LENGTHS)}
    return pd.DataFrame(columns)
