"""One value per examination, as csv."""

import pandas as pd

from fetal_biometry.measure.examinations import by_examination
from fetal_biometry.measure.exports.as_csv import as_csv


def examinations(table: pd.DataFrame) -> str:
    """One value per examination: median and spread of each length over its images.

    See `examinations.by_examination`.
    """
    return as_csv(by_examination(table))
