"""The page that shows two recipes side by side on the same test images."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from fetal_biometry.digests import digest
from fetal_biometry.frames import points_of
from fetal_biometry.report.comparison import judged_errors, paired_differences
from fetal_biometry.report.figures import paired_errors
from fetal_biometry.report.overlays import image_of, overlay
from fetal_biometry.report.page_tables import Block, Cell, Table
from fetal_biometry.report.pages import fill_template
from fetal_biometry.report.wording import LENGTH_NAMES, number, signed

SHOWN = 3  # images each way, on which two recipes differ most


class Compared(NamedTuple):
    """A recipe with its predictions.csv and its `judged_errors`."""

    name: str
    predictions: pd.DataFrame
    errors: pd.DataFrame


def comparison_page(
    names: list[str],
    chosen: str,
    errors: list[pd.DataFrame],
    predictions: list[pd.DataFrame],
    images: pd.DataFrame,
    run: str,
    unit: str,
) -> str:
    """The page as text.

    Parameters
    ----------
    names : list of str
        Recipes, with ``errors`` and ``predictions``, their tables, in the same order.
    chosen : str
        The one that each other is compared with.
    images : DataFrame
        images.csv.
    run, unit : str
    """
    judged = map(judged_errors, errors)
    recipes = dict(zip(names, map(Compared, names, predictions, judged), strict=True))
    mine = recipes.pop(chosen)
    return fill_template(
        "comparison.html.j2",
        run=run,
        chosen=chosen,
        others=[_beside(other, mine, images, unit) for other in recipes.values()],
        unit=unit,
        examinations=mine.errors["examination"].nunique(),
        rows=mine.errors.sort_index().to_dict("records"),
    )


def _beside(other: Compared, mine: Compared, images: pd.DataFrame, unit: str) -> dict:
    """What the page shows of another recipe beside the chosen one."""
    shared = mine.errors.index.intersection(other.errors.index)
    theirs, ours = other.errors.loc[shared], mine.errors.loc[shared]
    gain = (theirs["hc"] - ours["hc"]).sort_values(kind="stable")
    best = {other.name: gain[gain < 0].head(SHOWN), mine.name: gain[gain > 0].tail(SHOWN)[::-1]}
    return {
        "name": other.name,
        "table": _difference_table(theirs, ours, other.name, mine.name, unit),
        "charts": [
            paired_errors(theirs[length], ours[length], other.name, mine.name, length, unit) for length in LENGTH_NAMES
        ],
        "gallery": [
            (f"{name} has the smaller error", [_drawn(image, images, other, mine) for image in part.index])
            for name, part in best.items()
            if len(part)
        ],
        "errors": theirs["hc"].reindex(mine.errors.index).to_dict(),
        "gain": gain.reindex(mine.errors.index).to_dict(),
    }


def _difference_table(theirs: pd.DataFrame, mine: pd.DataFrame, their_name: str, my_name: str, unit: str) -> Table:
    """Mean errors of both recipes and the mean of their paired differences, by length."""
    differences, rows = paired_differences(theirs, mine), []
    for length in LENGTH_NAMES:
        mean, low, high = (differences[f"{length}_worse{end}"] for end in ("", "_low", "_high"))
        means = [Cell(number(errors[length].mean())) for errors in (theirs, mine)]
        ends = f"{signed(low)} to {signed(high)}"
        unclear = ", no clear difference" if low <= 0 <= high else ""
        rows.append((length.upper(), [*means, Cell(signed(mean), ends + unclear)]))
    headings = ["Mean error", f"{their_name}, {unit}", f"{my_name}, {unit}", f"Difference, {unit}"]
    return Table(f"difference-{digest(their_name)[:6]}", "Mean errors", headings, [Block(rows)])


def _drawn(image: str, images: pd.DataFrame, other: Compared, mine: Compared) -> dict:
    """An image with both recipes' heads and the labelled one, and their HC errors."""
    tables = {"truth": images, "reference": other.predictions, "prediction": mine.predictions}
    heads = {style: points_of(table.loc[[image]])[0] for style, table in tables.items()}
    return {
        "image_name": image,
        "overlay": overlay(image_of(images.loc[image]), heads, f"Ultrasound image {image} with both heads"),
        "theirs": other.errors.loc[image, "hc"],
        "mine": mine.errors.loc[image, "hc"],
    }
