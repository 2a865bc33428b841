"""Figures of recipes side by side."""

from __future__ import annotations

import pandas as pd

from fetal_biometry.report.plots import Figure, Plot
from fetal_biometry.report.wording import number


def scatter_figure(xs: pd.Series, ys: pd.Series, x_name: str, y_name: str, length: str, unit: str) -> Figure:
    """Absolute errors of two recipes on the same images, with the line of equal errors."""
    limits = (0.0, 1.05 * max(xs.max(), ys.max(), 1e-6))
    plot = Plot(limits, limits, f"{x_name}, {unit}", f"{y_name}, {unit}", height=330)
    plot.line(limits, limits, "line zero")
    for name, x, y in zip(xs.index, xs, ys, strict=True):
        plot.point(x, y, "dot prediction", "circle", f"{name}: {x_name} {number(x)}, {y_name} {number(y)} {unit}")
    nearer = int((ys < xs).sum())
    title = f"{y_name} has the smaller error on {nearer} of {len(xs)} images"
    return Figure(title, plot.svg(f"Absolute {length.upper()} errors of {x_name} and {y_name}; {title}."))


def recipes_figure(comparison: pd.DataFrame, unit: str) -> Figure:
    """HC's mean absolute error with its 95 % interval by recipe, on a logarithmic axis."""
    names = [f"hc_mae_{end}_{unit}" for end in ("low", "high")]
    x_range = (comparison[names[0]].min() / 1.2, comparison[names[1]].max() * 1.2)
    last, label = len(comparison) + 0.7, f"mean absolute error of HC, {unit} (log scale)"
    plot = Plot(x_range, (last, 0), label, "", x_log=True, y_ticks=(), height=round(22 * last) + 50, left=104)
    for place, row in enumerate(comparison.to_dict("records"), 1):
        mae, low, high = row[f"hc_mae_{unit}"], *(row[name] for name in names)
        plot.text(2, plot.y(place) + 4, row["recipe"], "tick")
        plot.line([low, high], [place, place], "line prediction")
        title = f"{row['recipe']} {number(mae)} {unit}, {number(low)} to {number(high)}"
        plot.point(mae, place, "dot prediction", "circle", title)
    return Figure(
        "Head circumference by recipe",
        plot.svg("Mean absolute errors of HC by recipe; the table gives the values."),
        caption="Mean absolute error and its 95 % interval, bootstrapped by examination.",
    )
