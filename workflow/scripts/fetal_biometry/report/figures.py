"""The pages' figures; each has a message."""

from __future__ import annotations

import math
from urllib.parse import urlencode

import numpy as np
import pandas as pd

from fetal_biometry.report.drawing import LENGTH_COLOURS, PALETTE, Chart, chart, new_figure
from fetal_biometry.report.wording import HEAD_SIZES, LENGTH_NAMES, number, signed

_TOP_SCORE = 4.0  # scores beyond it share the last bar
_MARKS = {"hc_under_120": ("o", "small"), "hc_120_200": ("^", "medium"), "hc_over_200": ("s", "large")}
_LINES = {"hc": "-", "bpd": "--", "ofd": ":"}  # told apart without colour


def row_address(name: str, **more: str) -> str:
    """The address, on its page, of an image's row in the table of images."""
    return f"#images?{urlencode({**more, 'text': name})}"


def bland_altman(
    rows: pd.DataFrame, length: str, summary: dict, unit: str, difference: str = "prediction − label"
) -> Chart:
    """Differences of two lengths against their mean, with bias and 95 % limits; a point leads to its image.

    ``rows`` have ``image_name``, ``L_error`` and ``L_mean`` of the length and the head-size ``band``, as
    `measured_rows` has; ``summary`` has ``bias``, ``loa_low`` and ``loa_high``, as `statistics.length_errors` has.
    """
    figure, axes = new_figure(3.1)
    names, rows = {}, rows[rows[f"{length}_error"].notna()]
    known = unit == "mm" and (rows["band"] != "").all()
    parts = {band: rows[rows["band"] == band] for band in _MARKS} if known else {"hc_120_200": rows}
    for band, part in parts.items():
        marker, colour = _MARKS[band]
        addresses = [row_address(name) for name in part["image_name"]]
        names |= {
            address: f"{name}: {signed(error)} {unit}"
            for address, name, error in zip(addresses, part["image_name"], part[f"{length}_error"], strict=True)
        }
        if len(part):
            points = axes.scatter(
                part[f"{length}_mean"], part[f"{length}_error"], 22, PALETTE[colour], marker=marker, clip_on=False,
                edgecolors=PALETTE["paper"], linewidths=0.6, label=HEAD_SIZES[band], urls=addresses,
            )  # fmt: skip
            points.set_zorder(3)
    axes.axhline(0, color=PALETTE["rule"], lw=1)
    for name, text in {"loa_high": "+1.96 SD", "bias": "bias", "loa_low": "−1.96 SD"}.items():
        if summary[name] is not None and math.isfinite(summary[name]):
            axes.axhline(summary[name], color=PALETTE["ink"], lw=1.2, ls="-" if name == "bias" else (0, (5, 3)))
            place = (1.01, summary[name])
            axes.annotate(f"{text}\n{signed(summary[name])}", place, xycoords=axes.get_yaxis_transform(), va="center")
    axes.set(xlabel=f"mean of the two, {unit}", ylabel=f"{difference}, {unit}")
    if known:
        axes.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1), handletextpad=0, columnspacing=1)
    low, high = signed(summary["loa_low"]), signed(summary["loa_high"])
    message = f"{length.upper()}: bias {signed(summary['bias'])} {unit}"
    if summary["loa_low"] is not None:
        message += f", 95 % of differences from {low} to {high} {unit}"
    return chart(figure, message, names)


def training_curves(history: pd.DataFrame, model: dict) -> list[Chart]:
    """Loss by epoch; validation errors by epoch, where any were taken."""
    figure, axes = new_figure(2.8)
    for column, colour, name in (
        ("train_loss", "constant", "training"),
        ("validation_loss", "prediction", "validation"),
    ):
        if column in history and history[column].notna().any():
            axes.plot(history["epoch"], history[column], color=PALETTE[colour], label=name)
    axes.set(xlabel="epoch", ylabel="loss")
    used = f"; the weights of epoch {model['best_epoch']} are used" if model["best_epoch"] is not None else ""
    charts = [_by_epoch(figure, axes, f"Training ends at a loss of {history['train_loss'].iloc[-1]:.4g}{used}")]
    columns = [f"validation_{length}_mae_px" for length in LENGTH_NAMES]
    if set(columns) <= set(history) and history[columns].notna().any(axis=None):
        figure, axes = new_figure(2.8)
        for length, column in zip(LENGTH_NAMES, columns, strict=True):
            line = {"color": LENGTH_COLOURS[length], "ls": _LINES[length], "label": length.upper()}
            axes.plot(history["epoch"], history[column], **line)
        axes.set(xlabel="epoch", ylabel="mean absolute error, px")
        last = ", ".join(
            f"{length.upper()} {number(history[c].iloc[-1])}" for length, c in zip(LENGTH_NAMES, columns, strict=True)
        )
        charts.append(_by_epoch(figure, axes, f"Validation errors end at {last} px"))
    return charts


def _by_epoch(figure, axes, message: str) -> Chart:
    """The chart, logarithmic where its lines fall more than tenfold."""
    values = np.concatenate([line.get_ydata() for line in axes.get_lines()]).astype(float)
    values = values[np.isfinite(values)]
    if len(values) and 0 < 10 * values.min() < values.max():
        axes.set_yscale("log")
    axes.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1), fontsize=9)
    return chart(figure, message)


def recipes_figure(comparison: pd.DataFrame, unit: str) -> Chart:
    """HC's mean absolute error with its 95 % interval by recipe, on a logarithmic axis."""
    figure, axes = new_figure(0.3 * len(comparison) + 0.8)
    mae, low, high = (comparison[f"hc_mae_{end}{unit}"] for end in ("", "low_", "high_"))
    axes.errorbar(mae, range(len(mae)), xerr=[mae - low, high - mae], fmt="o", color=PALETTE["prediction"], ms=5)
    axes.set_yticks(range(len(mae)), comparison["recipe"])
    axes.set(xscale="log", xlabel=f"mean absolute error of HC, {unit} (log scale)")
    axes.invert_yaxis()
    best = comparison.loc[comparison[f"hc_mae_{unit}"].idxmin()]
    mae, low, high = (number(best[f"hc_mae_{end}{unit}"]) for end in ("", "low_", "high_"))
    return chart(figure, f"Smallest HC error: {best['recipe']}, {mae} {unit} ({low}–{high})")


def paired_errors(theirs: pd.Series, mine: pd.Series, their_name: str, my_name: str, length: str, unit: str) -> Chart:
    """Absolute errors of two recipes on the same images, with the line of equal errors; a point leads to its image."""
    figure, axes = new_figure(3.5, width=3.8)
    limit = 1.05 * max(theirs.max(), mine.max(), 1e-6)
    axes.plot([0, limit], [0, limit], color=PALETTE["soft"], lw=1)
    names = {
        row_address(name, other=their_name): f"{name}: {their_name} {number(x)}, {my_name} {number(y)} {unit}"
        for name, x, y in zip(theirs.index, theirs, mine, strict=True)
    }
    edge = {"edgecolors": PALETTE["paper"], "linewidths": 0.6}
    axes.scatter(theirs, mine, 20, PALETTE["prediction"], urls=list(names), clip_on=False, zorder=3, **edge)
    axes.set(xlim=(0, limit), ylim=(0, limit), aspect="equal")
    axes.locator_params(nbins=5)
    axes.set(xlabel=f"{their_name}, {unit}", ylabel=f"{my_name}, {unit}")
    nearer = int((mine < theirs).sum())
    return chart(figure, f"{length.upper()}: {my_name} has the smaller error on {nearer} of {len(mine)} images", names)


def score_figure(scores: pd.Series) -> Chart:
    """Histogram of the audit's scores, those beyond `_TOP_SCORE` in its last bar, with the threshold."""
    figure, axes = new_figure(2.4, width=4.2)
    bins = np.arange(41) / 40 * _TOP_SCORE
    counts, _, bars = axes.hist(scores.clip(0, _TOP_SCORE), bins, color=PALETTE["constant"])
    for bar in bars[np.searchsorted(bins, 1 + 1e-9) :]:
        bar.set_facecolor(PALETTE["prediction"])
    axes.axvline(1, color=PALETTE["soft"], lw=1, ls="--")
    axes.annotate("limit", (1, counts.max()), (4, 0), textcoords="offset points", va="top")
    axes.set(xlabel=f"score ({_TOP_SCORE:g} and above in the last bar)", ylabel="labels")
    return chart(figure, f"{int((scores > 1).sum())} of {len(scores)} scores lie above the limit of 1")
