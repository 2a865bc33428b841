"""What a sonographer reads from head lengths: gestational age, centiles, cephalic index. Research output.

A length enters a chart as the chart's authors took it: INTERGROWTH-21st BPD is outer-to-outer, Hadlock's
outer-to-inner. Outside the ages or lengths that a chart was made from there is no answer, only NaN.
"""

from statistics import NormalDist

import numpy as np
import pandas as pd

from fetal_biometry.measure.biometry import to_inner
from fetal_biometry.model.geometry import LENGTHS

CHARTS = ("hadlock", "intergrowth")
_AGES = (14.0, 40.0)  # weeks, of INTERGROWTH-21st; Hadlock's 361 fetuses were 14 to 42
_HADLOCK_AGES = (14.0, 42.0)


def estimate_age(lengths_mm: np.ndarray, chart: str) -> np.ndarray:
    """Gestational age from HC and from BPD.

    Parameters
    ----------
    lengths_mm : ndarray of shape (N, 3)
        BPD (outer-to-outer), OFD and HC.
    chart : {'hadlock', 'intergrowth'}
        Hadlock et al., Radiology 1984;152:497, knows both lengths; Papageorghiou et al., Ultrasound Obstet Gynecol
        2016;48:719, HC alone.

    Returns
    -------
    ndarray of shape (N, 2)
        Weeks from HC and from BPD; NaN where the chart does not reach.

    Examples
    --------
    >>> estimate_age(np.array([[48.4, 60.7, 172.5]]), "hadlock").round(1).tolist()
    [[19.8, 20.1]]
    """
    bpd, _, hc = np.asarray(lengths_mm, dtype=float).T
    if chart == "hadlock":
        hc_cm, bpd_cm = hc / 10, to_inner(bpd) / 10
        weeks = np.stack([8.96 + 0.540 * hc_cm + 0.0003 * hc_cm**3, 9.54 + 1.482 * bpd_cm + 0.1676 * bpd_cm**2], axis=1)
        youngest, oldest = _HADLOCK_AGES
    elif chart == "intergrowth":
        days = np.exp(0.05970 * np.log(np.maximum(hc, 1)) ** 2 + 6.409e-9 * hc**3 + 3.3258)
        weeks = np.stack([days / 7, np.full(len(days), np.nan)], axis=1)
        youngest, oldest = _AGES
    else:
        raise ValueError(f"{chart!r} is none of {', '.join(CHARTS)}")
    return np.where((weeks >= youngest) & (weeks <= oldest), weeks, np.nan)


def standard_scores(lengths_mm: np.ndarray, weeks: np.ndarray) -> np.ndarray:
    """How many standard deviations above the mean of INTERGROWTH-21st lengths lie at a known gestational age.

    Papageorghiou et al., Lancet 2014;384:869: 4321 healthy pregnancies, 14 to 40 weeks.

    Parameters
    ----------
    lengths_mm : ndarray of shape (N, 3)
        BPD (outer-to-outer), OFD and HC.
    weeks : ndarray of shape (N,)
        Gestational age by dates, not by these lengths.

    Returns
    -------
    ndarray of shape (N, 3)
        NaN outside 14 to 40 weeks.
    """
    w = np.where((weeks >= _AGES[0]) & (weeks <= _AGES[1]), np.asarray(weeks, dtype=float), np.nan)
    log = np.log(w)
    mean = [
        5.60878 + 0.158369 * w**2 - 0.00256379 * w**3,
        -12.4097 + 0.626342 * w**2 - 0.148075 * w**2 * log,
        -28.2849 + 1.69267 * w**2 - 0.397485 * w**2 * log,
    ]
    deviation = [
        np.exp(0.101242 + 0.00150557 * w**3 - 0.000771535 * w**3 * log + 0.0000999638 * w**3 * log**2),
        np.exp(-0.880034 + 0.0631165 * w**2 - 0.0317136 * w**2 * log + 0.00408302 * w**2 * log**2),
        1.98735 + 0.0136772 * w**3 - 0.00726264 * w**3 * log + 0.000976253 * w**3 * log**2,
    ]
    return (np.asarray(lengths_mm, dtype=float) - np.stack(mean, axis=1)) / np.stack(deviation, axis=1)


def centiles(lengths_mm: np.ndarray, weeks: np.ndarray) -> np.ndarray:
    """INTERGROWTH-21st centiles, 0 to 100, of lengths at a known gestational age; see `standard_scores`."""
    normal = NormalDist()
    return 100 * np.vectorize(normal.cdf, otypes=[float])(standard_scores(lengths_mm, weeks))


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
    ages, shares = estimate_age(lengths, chart), centiles(lengths, weeks)
    cephalic_index = (table["bpd_mm"] / table["ofd_mm"]).fillna(table["bpd_px"] / table["ofd_px"])
    columns = {"cephalic_index": cephalic_index.to_numpy().round(4)}
    columns |= {f"age_weeks_{length}": ages[:, i].round(2) for i, length in enumerate(("hc", "bpd"))}
    columns |= {f"{length}_centile": shares[:, i].round(1) for i, length in enumerate(LENGTHS)}
    return pd.DataFrame(columns)
