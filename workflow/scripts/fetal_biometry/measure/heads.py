"""The predictions table of a run, from what its networks found in all images."""

from __future__ import annotations

import logging

import pandas as pd

from fetal_biometry.limits import FlagLimits
from fetal_biometry.measure.biometry import describe_row, measure_by_fold
from fetal_biometry.measure.corrections import apply_corrections
from fetal_biometry.measure.growth import read_lengths
from fetal_biometry.measure.site import Site, refuse_other_calliper
from fetal_biometry.measure.site_lengths import in_site_convention
from fetal_biometry.tables import Row
from fetal_biometry.terms import Calliper


def measure_heads(
    found: pd.DataFrame,
    images: pd.DataFrame,
    calibration: dict,
    folds: pd.Series | None,
    limits: FlagLimits | None,
    corrections: dict[str, Row] | None,
    *,
    calliper: str,
    growth_chart: str,
    site: dict,
) -> pd.DataFrame:
    """The content of predictions.csv; what it says of each image is logged.

    Parameters
    ----------
    found, images, calibration, folds, limits
        Of `biometry.measure_by_fold`; ``images`` with ``gestational_age_weeks``, NaN where it is not known.
    corrections : dict, optional
        Of `corrections.read_corrections`: a person's landmarks, whose lengths replace the measured ones.
    calliper, growth_chart : str
        The settings of these names.
    site : dict
        Values of a `Site`, whose callipers points and lengths follow; empty for the model's own.

    Returns
    -------
    DataFrame
        As of `biometry.measure`, with the columns of `growth.read_lengths` and `in_site_convention`.

    Raises
    ------
    InputError
        As of `corrections.apply_corrections` and `site.refuse_other_calliper`.
    """
    convention = Site.model_validate(site) if site else None
    own = Calliper(calibration.get("calliper", calliper))
    refuse_other_calliper(convention, own)
    table = measure_by_fold(found, images, calibration, folds, limits, own)
    if corrections is not None:
        table = apply_corrections(table, images, corrections, own, convention, limits)
    weeks = images["gestational_age_weeks"].to_numpy(dtype=float)
    table = in_site_convention(table.join(read_lengths(table, weeks, growth_chart)), convention)
    if convention:
        logging.info("%s", convention.describe())
    for row in table.itertuples():
        logging.info("%s", describe_row(row))
    return table
