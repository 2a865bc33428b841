"""The report's figures."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from fetal_biometry.report.plots import Figure, Plot, nice_step, padded
from fetal_biometry.report.wording import number, signed
from fetal_biometry.terms import Split

LENGTHS = {"hc": "head circumference", "bpd": "biparietal diameter", "ofd": "occipitofrontal diameter"}
HEAD_SIZES = {
    "hc_under_120": "HC < 120 mm",
    "hc_120_200": "HC 120–200 mm",
    "hc_over_200": "HC > 200 mm",
}
_FEWEST_AT_RISK = 20  # images below which a curve of means is noise


def training_figures(history: pd.DataFrame | None, metrics: dict) -> list[Figure]:
    """The loss with its baseline, and the validation length errors where any were taken, by epoch."""
    if history is None or history.empty:
        return []
    model = metrics["model"]
    best = model["best_epoch"] if model["keep"] == "best" else None
    figures = [loss_figure(history, metrics["loss"], best)]
    if history.filter(regex="^validation_.*_mae_").notna().any(axis=None):
        figures.append(validation_figure(history, best))
    return figures


def loss_figure(history: pd.DataFrame, loss: dict | None, best: int | None) -> Figure:
    """Training and validation loss by epoch; logarithmic where it falls more than tenfold."""
    baseline = loss["baseline"] if loss and loss["baseline"] is not None else np.nan
    drawn = {"train_loss": ("line train", "training"), "validation_loss": ("line validation", "validation")}
    drawn = {column: line for column, line in drawn.items() if column in history and history[column].notna().any()}
    values = history[list(drawn)].to_numpy(float)
    low, high = np.nanmin([np.nanmin(values), baseline]), np.nanmax([np.nanmax(values), baseline])
    log = bool(low > 0 and high > 10 * low)
    limits = (low / 1.2, high * 1.2) if log else padded(values, 0.12, [baseline])
    name = loss["name"].replace("_", " ") if loss else "loss"
    plot = Plot(_epochs(history), limits, "epoch", name + (" (log scale)" if log else ""), y_log=log)
    legend = list(drawn.values())
    if math.isfinite(baseline):
        plot.level(baseline, "line baseline")
        legend.append(("line baseline", f"{loss['baseline_name']}, {baseline:.4g}"))
    if best is not None:
        plot.upright(best, "line best", f"best epoch {best}")
    for column, (line, _) in drawn.items():
        plot.line(history["epoch"], history[column], line)
    ends = ", ".join(f"{title} ends at {history[column].iloc[-1]:.4g}" for column, (_, title) in drawn.items())
    caption = ""
    if loss:
        parts = [f"{split} {loss[split]:.4g}" for split in Split if loss.get(split) is not None]
        caption = f"Loss of the weights kept: {', '.join(parts)}."
        if math.isfinite(baseline):
            caption += f" Dashed: {loss['baseline_name']}, the loss without learning."
    return Figure(f"Loss ({name})", plot.svg(f"Loss by epoch: {ends}."), tuple(legend), caption)


def validation_figure(history: pd.DataFrame, best: int | None) -> Figure:
    """Mean absolute length errors on the validation images by epoch, in original pixels."""
    columns = {length: f"validation_{length}_mae_px" for length in LENGTHS}
    values = history[list(columns.values())].to_numpy(float)
    low, high = np.nanmin(values), np.nanmax(values)
    log = bool(low > 0 and high > 10 * low)
    plot = Plot(
        _epochs(history),
        (low / 1.2, high * 1.2) if log else (0.0, 1.06 * high),
        "epoch",
        "validation MAE, px" + (" (log scale)" if log else ""),
        y_log=log,
    )
    if best is not None:
        plot.upright(best, "line best", f"best epoch {best}")
    for length, column in columns.items():
        plot.line(history["epoch"], history[column], f"line {length}")
    last = ", ".join(f"{length.upper()} {number(history[c].iloc[-1])}" for length, c in columns.items())
    legend = tuple((f"line {length}", length.upper()) for length in columns)
    return Figure(
        "Validation error",
        plot.svg(f"Validation mean absolute error by epoch; last epoch: {last} px."),
        legend,
        "Mean absolute error of each length on the validation images, in pixels of the original images.",
    )


def _epochs(history: pd.DataFrame) -> tuple[float, float]:
    first, last = float(history["epoch"].min()), float(history["epoch"].max())
    return (first, last) if last > first else (first - 0.5, first + 0.5)


def error_figures(rows: pd.DataFrame, group: dict | None, unit: str) -> list[Figure]:
    """A histogram of signed errors for each length, and the shares of images below each relative error."""
    if not group:
        return []
    figures = [
        histogram_figure(rows[f"{length}_error"].dropna(), length, unit)
        for length in LENGTHS
        if rows[f"{length}_error"].notna().any()
    ]
    figures.append(cumulative_figure(rows))
    risk = risk_figure(rows)
    return [*figures, risk] if risk else figures


def histogram_figure(errors: pd.Series, length: str, unit: str) -> Figure:
    """Counts of signed errors in bins as wide as suits the bulk of them, zero on a bin's edge."""
    low, high = min(errors.min(), 0.0), max(errors.max(), 0.0)
    bins_in_bulk = min(20, max(8, round(2 * math.sqrt(len(errors)))))
    bulk = 2 * float(errors.abs().quantile(0.9))
    step = nice_step(max(bulk / bins_in_bulk, (high - low) / 80, 1e-6))
    bins = np.arange(math.floor(low / step), math.ceil(high / step) + 1) * step
    if len(bins) < 2:
        bins = np.array([0.0, step])
    counts, _ = np.histogram(errors, bins)
    x_label = f"prediction − label, {unit}"
    plot = Plot((bins[0], bins[-1]), (0, 1.08 * counts.max()), x_label, "images", height=200)
    for left, right, n in zip(bins[:-1], bins[1:], counts, strict=True):
        if n:
            plot.bar(left, right, n, "fill prediction")
    plot.upright(0, "line zero")
    label = (
        f"Histogram of {len(errors)} signed {length.upper()} errors, from {number(errors.min())} to "
        f"{number(errors.max())} {unit}, median {number(errors.median())}."
    )
    return Figure(f"{length.upper()} error", plot.svg(label))


def cumulative_figure(rows: pd.DataFrame) -> Figure:
    """Share of images whose relative error lies below each value, for the three lengths."""
    relative = {length: np.sort(100 * rows[f"{length}_relative"].abs().dropna()) for length in LENGTHS}
    high = max(12.0, *(float(np.quantile(values, 0.98)) for values in relative.values() if len(values)))
    plot = Plot((0, high), (0, 1.05), "relative error at most, %", "share of images", height=200)
    plot.upright(10, "line zero")
    for length, values in relative.items():
        if len(values):
            inside = values[values <= high]
            steps = np.repeat(np.arange(len(inside) + 1) / len(values), 2)
            xs = np.concatenate([[0], np.repeat(inside, 2), [high]])
            plot.line(xs, steps, f"line {length}")
    medians = {length: float(np.median(values)) for length, values in relative.items() if len(values)}
    halves = ", ".join(f"{length.upper()} {number(median, 1)} %" for length, median in medians.items())
    return Figure(
        "Relative error, cumulative",
        plot.svg(f"Cumulative share of images by relative error; half of the images lie below {halves}."),
        tuple((f"line {length}", length.upper()) for length in LENGTHS),
    )


def risk_figure(rows: pd.DataFrame) -> Figure | None:
    """Mean relative error of the images that remain without those of the widest intervals."""
    curves = {}
    for length in LENGTHS:
        margin = (rows[f"{length}_high"] - rows[f"{length}_low"]) / rows[f"{length}_shown"]
        errors = 100 * rows[f"{length}_relative"].abs()[margin.sort_values(kind="stable").index]
        errors = errors[margin[errors.index].notna() & errors.notna()].to_numpy()
        if len(errors) >= _FEWEST_AT_RISK:
            curves[length] = errors.cumsum() / np.arange(1, len(errors) + 1)
    if not curves:
        return None
    shares = {length: np.arange(1, len(curve) + 1) / len(curve) for length, curve in curves.items()}
    high = max(curve[shares[length] >= 0.1].max() for length, curve in curves.items())
    plot = Plot((0.1, 1), (0, 1.08 * high), "share of images kept, surest first", "mean relative error, %", height=200)
    for length, curve in curves.items():
        kept = shares[length] >= 0.1
        plot.line(shares[length][kept], curve[kept], f"line {length}")
    halves = ", ".join(
        f"{length.upper()} {number(curve[-1], 1)} % on all and {number(curve[len(curve) // 2], 1)} % on the surer half"
        for length, curve in curves.items()
    )
    return Figure(
        "Error by share of images kept",
        plot.svg(f"Mean relative error without the images of the widest intervals: {halves}."),
        tuple((f"line {length}", length.upper()) for length in curves),
    )


def agreement_figures(rows: pd.DataFrame, group: dict | None, unit: str) -> list[Figure]:
    """A Bland-Altman plot for each length."""
    if not group:
        return []
    return [
        bland_altman_figure(rows, length, group[length], unit)
        for length in LENGTHS
        if length in group and rows[f"{length}_error"].notna().any()
    ]


def bland_altman_figure(rows: pd.DataFrame, length: str, summary: dict, unit: str) -> Figure:
    """Prediction minus label against their mean, with bias and 95 % limits of agreement."""
    rows = rows[rows[f"{length}_error"].notna()]
    means, errors = rows[f"{length}_mean"], rows[f"{length}_error"]
    levels = {"loa_high": "+1.96 SD", "bias": "bias", "loa_low": "−1.96 SD"}
    levels = {key: text for key, text in levels.items() if math.isfinite(summary[key])}
    x_range = padded(means)
    y_range = padded(errors, 0.1, [0, *(summary[key] for key in levels)])
    difference, mean = f"prediction − label, {unit}", f"mean of prediction and label, {unit}"
    plot = Plot(x_range, y_range, mean, difference, right=58)
    plot.level(0, "line zero")
    marks = dict(zip(HEAD_SIZES, (("t1", "circle"), ("t2", "triangle"), ("t3", "square")), strict=True))
    sizes = list(rows["band"]) if unit == "mm" else [""] * len(rows)
    for name, size, mean, error in zip(rows["image_name"], sizes, means, errors, strict=True):
        style, shape = marks.get(size, ("t2", "circle"))
        plot.point(mean, error, f"dot {style}", shape, f"{name}: {signed(error)} {unit}")
    for key, text in levels.items():
        style = "line bias" if key == "bias" else "line limit"
        plot.level(summary[key], style)
        plot.text(plot.edge + 4, plot.y(summary[key]) - 2, text, "tick")
        plot.text(plot.edge + 4, plot.y(summary[key]) + 11, signed(summary[key]), "label strong")
    bias, low, high = (signed(summary[key]) for key in ("bias", "loa_low", "loa_high"))
    label = (
        f"Bland-Altman plot of {length.upper()} on {len(rows)} test images: bias {bias} {unit}, "
        f"95 % limits of agreement {low} to {high} {unit}."
    )
    present = {size: mark for size, mark in marks.items() if size in sizes}
    legend = tuple((f"{shape} {style}", HEAD_SIZES[size]) for size, (style, shape) in present.items())
    return Figure(f"{length.upper()}, n = {len(rows)}", plot.svg(label), legend)


def head_size_figure(groups: dict, unit: str) -> Figure | None:
    """Model and constant side by side for each head size and length."""
    constants = {
        size: {length: {"mae": groups[size].get(length, {}).get("constant_mae")} for length in LENGTHS}
        for size in HEAD_SIZES
        if size in groups
    }
    return _compared_figure(groups, constants, HEAD_SIZES, "mean-landmark constant", "by head size", unit)


def reference_figure(reference: dict, unit: str) -> Figure | None:
    """The errors of the model and of the labels against the independent reference, side by side."""
    titles = {"all": "all test images", **HEAD_SIZES}
    return _compared_figure(reference["model"], reference["labels"], titles, "labels", "against the reference", unit)


def _compared_figure(model: dict, other: dict, titles: dict, name: str, what: str, unit: str) -> Figure | None:
    """The model's MAE beside another by group and length, on a logarithmic axis; None without groups."""
    entries = [
        (group, length, model[group][length], other.get(group, {}).get(length, {}).get("mae"))
        for group in titles
        for length in LENGTHS
        if model.get(group, {}).get(length, {}).get("mae")
    ]
    if not entries:
        return None
    values = [value for *_, entry, theirs in entries for value in (entry["mae"], theirs) if value]
    places = _row_places([group for group, *_ in entries])
    x_range = (min(values) / 1.4, max(values) * 1.4)
    x_label = f"mean absolute error, {unit} (log scale)"
    last = places[-1] + 0.8
    plot = Plot(x_range, (last, 0), x_label, "", x_log=True, y_ticks=(), height=round(18 * last) + 50)
    heading = None
    for (group, length, entry, theirs), place in zip(entries, places, strict=True):
        if group != heading:
            heading = group
            plot.text(2, plot.y(place - 1) + 4, f"{titles[group]}, n = {entry['n']}", "label strong")
        plot.text(2, plot.y(place) + 4, length.upper(), "tick")
        if theirs:
            plot.line([entry["mae"], theirs], [place, place], "line link")
            plot.point(theirs, place, "ring", "circle", f"{name} {number(theirs)} {unit}")
        plot.point(entry["mae"], place, "dot prediction", "circle", f"model {number(entry['mae'])} {unit}")
    return Figure(
        f"Mean absolute error {what}",
        plot.svg(f"Mean absolute errors of model and {name} {what}; the table gives the values."),
        (("circle prediction", "model"), ("circle ring", name)),
    )


def _row_places(groups: list[str]) -> list[float]:
    """Places of rows from top to bottom, with room for a heading before each group."""
    places, place = [], 0.0
    for previous, group in zip([None, *groups[:-1]], groups, strict=True):
        place += 1.0 if group == previous else 2.3 if previous else 1.5
        places.append(place)
    return places


def confidence_figure(rows: pd.DataFrame) -> Figure | None:
    """Histogram of the confidence over all images."""
    values = rows["confidence"].dropna()
    if values.empty:
        return None
    bins = np.linspace(0, 1, 21)
    counts, _ = np.histogram(values.clip(0, 1), bins)
    plot = Plot((0, 1), (0, 1.08 * counts.max()), "confidence", "images", height=200)
    for left, right, n in zip(bins[:-1], bins[1:], counts, strict=True):
        if n:
            plot.bar(left, right, n, "fill prediction")
    label = f"Histogram of confidence over {len(values)} images, median {number(values.median(), 2)}."
    return Figure("Confidence, all images", plot.svg(label))
