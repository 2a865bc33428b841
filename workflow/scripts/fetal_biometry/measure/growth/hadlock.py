"""Hadlock et al., Radiology 1984;152:497. BPD is outer-to-inner."""

import numpy as np

from fetal_biometry.measure.growth.chart import Chart
from fetal_biometry.measure.lengths import to_inner


def estimate_age(lengths_mm: np.ndarray) -> np.ndarray:
    """Gestational age in weeks from HC and from BPD, (N, 2), of BPD (outer-to-outer), OFD and HC, (N, 3).

    Examples
    --------
    >>> estimate_age(np.array([[48.4, 60.7, 172.5]])).round(1).tolist()
    [[19.8, 20.1]]
    """
    bpd, _, hc = np.asarray(lengths_mm, dtype=float).T
    hc_cm, bpd_cm = hc / 10, to_inner(bpd) / 10
    return np.stack([8.96 + 0.540 * hc_cm + 0.0003 * hc_cm**3, 9.54 + 1.482 * bpd_cm + 0.1676 * bpd_cm**2], axis=1)


CHART = Chart(
    name="Hadlock",
    population="361 fetuses",
    source="Hadlock et al., Radiology 1984",
    ages=(14.0, 42.0),
    estimate_age=estimate_age,
)
