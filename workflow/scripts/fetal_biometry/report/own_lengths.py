"""The lengths in a user's own table against the measured ones."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from fetal_biometry.report.drawing import Chart
from fetal_biometry.report.figures import bland_altman
from fetal_biometry.report.page_tables import Block, Cell, Table
from fetal_biometry.report.statistics import limits_of_agreement
from fetal_biometry.report.wording import count, signed
from fetal_biometry.terms import LENGTHS, STATED, Review


@dataclass(frozen=True)
class OwnLengths:
    """Bias and limits by length, a chart of each, the rows with the largest ``differences``, and what was left out."""

    table: Table
    charts: list[Chart]
    largest: list[dict]
    trained: int
    corrected: int


def compare_lengths(rows: pd.DataFrame, trained_on: list[str]) -> OwnLengths | None:
    """Measured lengths against the user's own; None where the table has none.

    An image that trained the model and one that a person corrected say nothing of the model: both are left out.

    Parameters
    ----------
    rows : DataFrame
        Of `measuring_page.reviewable_rows`; own lengths stand in `terms.STATED`.
    trained_on : list of str
        Names of the images that the model was trained on.
    """
    pairs = zip(LENGTHS, STATED, strict=True)
    own = {length: column for length, column in pairs if column in rows and rows[column].notna().any()}
    if not own:
        return None
    trained, corrected = rows["image_name"].isin(trained_on), rows["review"] == Review.CORRECTED
    judged, lines, charts = rows[~trained & ~corrected].copy(), [], []
    for length, column in own.items():
        ours, theirs = judged[f"{length}_mm"], judged[column]
        judged[f"{length}_error"], judged[f"{length}_mean"] = ours - theirs, (ours + theirs) / 2
        judged[f"{length}_relative"] = ours / theirs - 1
        differences = judged[f"{length}_error"].dropna().to_numpy()
        if len(differences):
            bias, (low, high) = float(differences.mean()), limits_of_agreement(differences)
            cells = count(len(differences)), signed(bias), f"{signed(low)} to {signed(high)}"
            lines.append((length.upper(), [Cell(text) for text in cells]))
            agreement = {"bias": bias, "loa_low": low, "loa_high": high}
            charts.append(bland_altman(judged, length, agreement, "mm", "ours − yours"))
    worst = judged[[f"{length}_relative" for length in own]].abs().max(axis=1).dropna().nlargest(3).index
    by_length = judged[[f"{length}_error" for length in own]].set_axis(list(own), axis=1)
    largest = [judged.loc[i].to_dict() | {"differences": by_length.loc[i].dropna().to_dict()} for i in worst]
    headings = ["Length", "n", "Bias, mm", "95 % limits of agreement, mm"]
    table = Table("yours-table", "Agreement with your lengths", headings, [Block(lines)])
    return OwnLengths(table, charts, largest, int(trained.sum()), int((corrected & ~trained).sum()))
