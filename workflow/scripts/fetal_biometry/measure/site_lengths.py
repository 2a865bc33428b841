"""Lengths and points in a site's convention."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fetal_biometry.frames import points_of
from fetal_biometry.measure.biometry import interval_ends
from fetal_biometry.measure.site import Site
from fetal_biometry.model.geometry import head_circumference, scale_diameters
from fetal_biometry.terms import COLUMNS, LENGTHS, SECOND_COLUMNS


def in_site_convention(table: pd.DataFrame, site: Site | None) -> pd.DataFrame:
    """A predictions table, see `biometry.measure`, in a site's convention; unchanged without a site.

    Points move with the lengths, HC follows from BPD and OFD, and intervals widen as `site` says. ``convention``,
    ``bpd_factor`` and ``ofd_factor`` are added. What was read from the lengths before, as flags and gestational ages,
    stays: it needs them in the model's own convention.
    """
    if site is None:
        return table
    table, factors = table.copy(), np.array([site.bpd.factor, site.ofd.factor])
    for prefix, columns in (("", COLUMNS), ("second_", SECOND_COLUMNS)):
        points = scale_diameters(points_of(table, prefix), (site.ofd.factor, site.bpd.factor))
        table[list(columns)] = points.reshape(-1, 8).round(3)
    widening = np.array([site.widening[name] for name in LENGTHS])
    for unit in ("px", "mm"):
        before = table[[f"{name}_{unit}" for name in LENGTHS]].to_numpy(dtype=float)
        high = table[[f"{name}_{unit}_high" for name in LENGTHS]].to_numpy(dtype=float)
        bpd, ofd = (before[:, :2] * factors).T
        lengths = np.stack([bpd, ofd, head_circumference(bpd, ofd)], axis=1)
        shares = widening * (high / np.maximum(before, 1e-9) - 1)
        ends = interval_ends(lengths, shares)
        for i, name in enumerate(LENGTHS):
            table[f"{name}_{unit}"] = lengths[:, i].round(3)
            table[[f"{name}_{unit}_low", f"{name}_{unit}_high"]] = ends[:, i].round(3)
    return table.assign(convention=site.convention, bpd_factor=site.bpd.factor, ofd_factor=site.ofd.factor)
