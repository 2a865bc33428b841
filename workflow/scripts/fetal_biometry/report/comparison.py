"""Experiments on the same test images: paired differences, and the page that shows two of them side by side."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from fetal_biometry.frames import points_of
from fetal_biometry.report.figures import LENGTHS, scatter_figure
from fetal_biometry.report.overlays import DrawnHead, overlay
from fetal_biometry.report.pages import fill_template
from fetal_biometry.report.statistics import bootstrap_interval

SHOWN = 3  # images each way, on which two experiments differ most


def judged_errors(errors: pd.DataFrame) -> pd.DataFrame:
    """Absolute errors of an experiment's test images, as ``bpd``, ``ofd`` and ``hc``.

    `errors` is an experiment's errors.csv. Against the reference where there is one, else against sound labels.
    """
    test = errors[errors["split"] == "test"]
    independent = test["hc_error_reference"].notna()
    judge, test = ("reference", test[independent]) if independent.any() else ("label", test[test["sound"]])
    return test.assign(**{length: test[f"{length}_error_{judge}"].abs() for length in LENGTHS})


def paired_differences(table: pd.DataFrame, chosen: pd.DataFrame) -> dict[str, dict]:
    """By how much its `judged_errors` of each length are larger than the chosen experiment's, on the same images.

    ``mean`` with the ends of its 95 % interval, ``low`` and ``high``; images are drawn by examination.
    """
    found = {}
    for length in LENGTHS:
        difference = (table[length] - chosen[length].reindex(table.index)).to_numpy()
        low, high = bootstrap_interval(difference, table["examination"])
        found[length] = {"mean": float(difference.mean()), "low": low, "high": high}
    return found


def comparison_page(
    names: list[str], chosen: str, errors: list[pd.DataFrame], predictions: list[pd.DataFrame], manifest, run, unit: str
) -> str:
    """The page as text.

    Parameters
    ----------
    names : list of str
        Experiments, with `errors` and `predictions`, their tables, in the same order.
    chosen : str
        The one that each other is held against.
    manifest : DataFrame
    run, unit : str
    """
    judged = {name: judged_errors(table) for name, table in zip(names, errors, strict=True)}
    found = dict(zip(names, predictions, strict=True))
    mine = judged.pop(chosen)
    others = []
    for name, theirs in judged.items():
        theirs = theirs.loc[mine.index]
        gain = (theirs["hc"] - mine["hc"]).sort_values(kind="stable")
        titles = {
            f"{name} is nearer": gain[gain < 0].head(SHOWN),
            f"{chosen} is nearer": gain[gain > 0].tail(SHOWN)[::-1],
        }
        others.append(
            {
                "name": name,
                "mae": theirs[list(LENGTHS)].mean().to_dict(),
                "difference": paired_differences(theirs, mine),
                "figures": [
                    scatter_figure(theirs[length], mine[length], name, chosen, length, unit) for length in LENGTHS
                ],
                "gallery": [
                    (
                        title,
                        [_drawn(image, manifest, found[name], found[chosen], theirs, mine) for image in part.index],
                    )
                    for title, part in titles.items()
                    if len(part)
                ],
                "errors": theirs["hc"].to_dict(),
                "gain": gain.to_dict(),
            }
        )
    return fill_template(
        "comparison.html.j2",
        run=run,
        chosen=chosen,
        others=others,
        unit=unit,
        lengths=LENGTHS,
        mae=mine[list(LENGTHS)].mean().to_dict(),
        examinations=mine["examination"].nunique(),
        rows=mine.sort_index().to_dict("records"),
    )


def _drawn(image: str, manifest: pd.DataFrame, theirs, mine, their_errors, my_errors) -> dict:
    """An image with both experiments' heads and the labelled one, and their HC errors."""
    tables = {"truth": manifest, "reference": theirs, "prediction": mine}
    heads = [DrawnHead(points_of(table.loc[[image]])[0], style) for style, table in tables.items()]
    picture: Markup = overlay(manifest.loc[image, "path"], heads, f"Ultrasound image {image} with the heads of both")
    return {
        "image_name": image,
        "overlay": picture,
        "theirs": their_errors.loc[image, "hc"],
        "mine": my_errors.loc[image, "hc"],
    }
