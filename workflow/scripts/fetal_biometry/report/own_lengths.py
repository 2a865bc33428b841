"""The lengths in a user's own table against the measured ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup

from fetal_biometry.report.drawing import PALETTE, chart, new_figure
from fetal_biometry.terms import LENGTHS, Review

OWN_COLUMNS = {length: f"reference_{length}_mm" for length in LENGTHS}  # of images.csv
FEWEST = 3  # images; of fewer there are no limits of agreement


@dataclass(frozen=True)
class Agreement:
    """Of one length, in mm: ``n`` pairs, the bias of ours against theirs, and its 95 % limits, NaN of few pairs."""

    length: str
    n: int
    bias: float
    low: float
    high: float
    figure: Markup


@dataclass(frozen=True)
class OwnLengths:
    """Each length's agreement, the rows with the largest ``differences``, and how many images were left out."""

    agreements: list[Agreement]
    largest: list[dict]
    trained: int
    corrected: int


def compare_lengths(rows: pd.DataFrame, trained_on: list[str]) -> OwnLengths | None:
    """Measured lengths against the user's own; None where the table has none.

    An image that trained the model and one that a person corrected say nothing of the model: both are left out.

    Parameters
    ----------
    rows : DataFrame
        Of `measuring_page.reviewable_rows`; own lengths stand in `OWN_COLUMNS`.
    trained_on : list of str
        Names of the images that the model was trained on.
    """
    own = {length: column for length, column in OWN_COLUMNS.items() if column in rows and rows[column].notna().any()}
    if not own:
        return None
    trained, corrected = rows["image_name"].isin(trained_on), rows["review"] == Review.CORRECTED
    judged = rows[~trained & ~corrected]
    agreements, differences = [], pd.DataFrame(index=judged.index)
    for length, column in own.items():
        ours, theirs = judged[f"{length}_mm"], judged[column]
        differences[length] = ours - theirs
        known = differences[length].notna()
        if known.any():
            agreements.append(_agree(length, ours[known].to_numpy(), theirs[known].to_numpy()))
    shares = pd.DataFrame({length: differences[length].abs() / judged[column] for length, column in own.items()})
    worst = shares.max(axis=1).dropna().nlargest(3).index
    largest = [judged.loc[i].to_dict() | {"differences": differences.loc[i].dropna().to_dict()} for i in worst]
    return OwnLengths(agreements, largest, int(trained.sum()), int((corrected & ~trained).sum()))


def _agree(length: str, ours: np.ndarray, theirs: np.ndarray) -> Agreement:
    difference = ours - theirs
    bias = float(difference.mean())
    spread = 1.96 * float(difference.std(ddof=1)) if len(difference) >= FEWEST else np.nan
    figure = _bland_altman(length, (ours + theirs) / 2, difference, (bias, bias - spread, bias + spread))
    return Agreement(length, len(difference), bias, bias - spread, bias + spread, figure)


def _bland_altman(length: str, mean: np.ndarray, difference: np.ndarray, lines: tuple[float, float, float]) -> Markup:
    """Differences over means, with bias and limits, as SVG in the page's colours."""
    figure, axes = new_figure(2.7, width=4.2)
    axes.scatter(mean, difference, s=18, color=PALETTE["prediction"])
    for value, style in zip(lines, ("-", "--", "--"), strict=True):
        if np.isfinite(value):
            axes.axhline(value, color=PALETTE["ink"], linewidth=1, linestyle=style)
    axes.set(xlabel=f"mean {length.upper()}, mm", ylabel="ours − yours, mm")
    said = f"Bland-Altman plot of {length.upper()}: ours minus yours against their mean, {len(mean)} images"
    return chart(figure, said).svg
