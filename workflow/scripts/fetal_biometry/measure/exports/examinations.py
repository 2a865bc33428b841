"""One value per examination, as csv."""

import pandas as pd

from fetal_biometry.measure.examinations import by_examination
from fetal_biometry.measure.exports.as_csv import as_csv


def examinations(table: pd.DataFrame) -> str:
    """One value per examination: median and spread of each length over its images.

    See `examinations.by_examination`.
    """
    found = by_examination(table)
    conventions = table["convention"].unique()[:1].repeat(len(found)) if "convention" in table else None
    return as_csv(found, found if conventions is None else found.assign(convention=conventions)[["convention"]])
