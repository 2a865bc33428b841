"""What a sonographer reads from head lengths: gestational age, centiles, cephalic index. Research output.

A chart is a module here and an entry of `CHARTS`. A length enters a chart as the chart's authors took it.
"""

import numpy as np
import pandas as pd

from fetal_biometry.measure.growth import hadlock, intergrowth, who
from fetal_biometry.measure.growth.chart import Chart
from fetal_biometry.terms import LENGTHS

CHARTS = {
    "hadlock": hadlock.CHART,
    "intergrowth": intergrowth.CHART,
    "who": who.CHART,
}


def estimate_age(lengths_mm: np.ndarray, chart: str) -> np.ndarray:
    """Weeks from HC and from BPD, (N, 2), of BPD (outer-to-outer), OFD and HC, (N, 3); NaN where the chart has none."""
    found = _chart(chart)
    if found.estimate_age is None:
        return np.full((len(lengths_mm), 2), np.nan)
    weeks = found.estimate_age(lengths_mm)
    return np.where(_inside(weeks, found), weeks, np.nan)


def centile_chart(chart: str) -> Chart:
    """The chart that gives a chart's centiles: itself, or INTERGROWTH-21st where its authors published none."""
    found = _chart(chart)
    return found if found.centiles else CHARTS["intergrowth"]


def centiles(lengths_mm: np.ndarray, weeks: np.ndarray, chart: str) -> np.ndarray:
    """Centiles, 0 to 100, of BPD, OFD and HC, (N, 3), at a gestational age by dates, (N,); see `centile_chart`."""
    found, weeks = centile_chart(chart), np.asarray(weeks, dtype=float)
    return found.centiles(lengths_mm, np.where(_inside(weeks, found), weeks, np.nan))


def _inside(weeks: np.ndarray, chart: Chart) -> np.ndarray:
    youngest, oldest = chart.ages
    return (weeks >= youngest) & (weeks <= oldest)


def _chart(name: str) -> Chart:
    if name not in CHARTS:
        raise ValueError(f"{name!r} is none of {', '.join(CHARTS)}")
    return CHARTS[name]


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
        A name of `CHARTS`; with ``none`` there is no column.
    """
    if chart == "none":
        return pd.DataFrame(index=table.index)
    lengths = table[[f"{length}_mm" for length in LENGTHS]].to_numpy(dtype=float)
    ages, shares = estimate_age(lengths, chart), centiles(lengths, weeks, chart)
    cephalic_index = (table["bpd_mm"] / table["ofd_mm"]).fillna(table["bpd_px"] / table["ofd_px"])
    columns = {"cephalic_index": cephalic_index.to_numpy().round(4)}
    columns |= {f"age_weeks_{length}": ages[:, i].round(2) for i, length in enumerate(("hc", "bpd"))}
    columns |= {f"{length}_centile": shares[:, i].round(1) for i, length in enumerate(LENGTHS)}
    return pd.DataFrame(columns)
