"""INTERGROWTH-21st: ages (Papageorghiou et al., Ultrasound Obstet Gynecol 2016;48:719) and fetal standards."""

from statistics import NormalDist

import numpy as np

from fetal_biometry.measure.growth.chart import Chart


def estimate_age(lengths_mm: np.ndarray) -> np.ndarray:
    """Gestational age in weeks from HC, and NaN for BPD, (N, 2), of BPD, OFD and HC, (N, 3)."""
    hc = np.asarray(lengths_mm, dtype=float)[:, 2]
    days = np.exp(0.05970 * np.log(np.maximum(hc, 1)) ** 2 + 6.409e-9 * hc**3 + 3.3258)
    return np.stack([days / 7, np.full(len(days), np.nan)], axis=1)


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
        NaN where the age is. Outside 14 to 40 weeks the formulas hold for nothing.
    """
    w = np.asarray(weeks, dtype=float)
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


CHART = Chart(
    name="INTERGROWTH-21st",
    population="4,321 healthy pregnancies in eight countries",
    source="Papageorghiou et al., Lancet 2014; ages Papageorghiou et al., Ultrasound Obstet Gynecol 2016",
    ages=(14.0, 40.0),
    estimate_age=estimate_age,
    centiles=centiles,
)
