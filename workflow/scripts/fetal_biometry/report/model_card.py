"""The model card: what a model is, what it was made from, how well it measures, and what it is not for."""

import pandas as pd

from fetal_biometry.report.elsewhere import ALL, NEGATIVES, WHOLE
from fetal_biometry.report.pages import fill_template, flatten
from fetal_biometry.report.wording import HEAD_SIZES, number

SOURCES = {  # what has to be said where the weights are passed on
    "hc18": "HC18 (van den Heuvel et al., PLoS ONE 13(8): e0200412, 2018; doi 10.5281/zenodo.1327317), CC BY 4.0. The "
    "weights are derived from it and come under the same licence, with this attribution.",
    "challenge": "Images of HC18 (van den Heuvel et al., PLoS ONE 13(8): e0200412, 2018; doi 10.5281/zenodo.1327317), "
    "CC BY 4.0, with the landmark challenge's table.",
    "phantom": "Phantoms drawn by this project. The model is not for real images.",
}


def write_card(
    run: str, metrics: dict, recipe: dict, data: dict, model_sha256: str, elsewhere: pd.DataFrame | None = None
) -> str:
    """The card of a recipe's model, as Markdown.

    Parameters
    ----------
    run : str
    metrics : dict
        The recipe's metrics.json.
    recipe, data : dict
        The recipe's values, and the settings of data, split and audit.
    model_sha256 : str
        Of the model's file.
    elsewhere : DataFrame, optional
        Of `elsewhere.elsewhere_table`, where other centres judged it.
    """
    return fill_template(
        "model_card.md.j2",
        run=run,
        metrics=metrics,
        model=metrics["model"],
        model_sha256=model_sha256,
        unit=metrics["unit"],
        bands={"all": "all", **HEAD_SIZES},
        source=SOURCES.get(metrics["dataset"], "The user's own dataset."),
        recipe=recipe,
        data=data,
        settings=flatten(data | recipe),
        centres=[] if elsewhere is None else centre_rows(elsewhere),
    )


def centre_rows(elsewhere: pd.DataFrame) -> list[list[str]]:
    """A row of the card for each other centre: whole heads and negatives that pass, and HC over each reference."""
    rows = []
    for centre, table in elsewhere[elsewhere["centre"] != ALL].groupby("centre"):
        counted = table[["images", "figure", "count", "n"]].itertuples(index=False, name=None)
        shares = {(images, figure): f"{count:.0f} of {n}" for images, figure, count, n in counted}
        figures = [(WHOLE, "passed"), (NEGATIVES, "passed"), (NEGATIVES, "with_length")]
        ratios = table[table["figure"] == "hc_ratio"]
        said = [
            f"{number(row.value, 3)} ({number(row.low, 3)} to {number(row.high, 3)}) of {row.reference}, n = {row.n}"
            for row in ratios.itertuples()
        ]
        rows.append(
            [str(centre), *(shares.get(figure, "none") for figure in figures), "; ".join(said) or "no reference"]
        )
    return rows
