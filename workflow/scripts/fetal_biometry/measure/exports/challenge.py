"""The landmark challenge's format, and its baseline's."""

import pandas as pd

from fetal_biometry.measure.exports.as_csv import as_csv
from fetal_biometry.terms import COLUMNS


def task_a(table: pd.DataFrame) -> str:
    """The landmark challenge's format, in pixels."""
    task = table[["image_name"]].copy()
    corners = [f"{axis}{end}" for end in range(1, 5) for axis in "xy"]
    task[corners] = table[list(COLUMNS)].to_numpy()
    task[["bpd", "ofd"]] = table[["bpd_px", "ofd_px"]].to_numpy()
    return as_csv(task, table)


def circumferences(table: pd.DataFrame) -> str:
    """The baseline's table of lengths, in pixels and in millimetres."""
    return as_csv(table[["image_name", "bpd_px", "ofd_px", "hc_px", "bpd_mm", "ofd_mm", "hc_mm"]], table)
