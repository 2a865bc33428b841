"""Self-contained HTML pages made from a run's tables, metrics and images; above all the report of a run.

Figures are small inline SVGs whose colours come from the page's style sheet, so they follow light mode, dark
mode and print. Nothing in the page is read from elsewhere, and equal inputs give equal bytes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup

from fetal_biometry.biometry import reported_lengths
from fetal_biometry.frames import points_of
from fetal_biometry.geometry import LENGTHS as LENGTH_ORDER
from fetal_biometry.geometry import landmarks_to_ellipse
from fetal_biometry.images import read_grey
from fetal_biometry.landmarks import COLUMNS
from fetal_biometry.metrics import BANDS

LENGTHS = {"hc": "head circumference", "bpd": "biparietal diameter", "ofd": "occipitofrontal diameter"}
SPLITS = ("train", "validation", "test")
HEAD_SIZES = {
    "hc_under_120": "HC < 120 mm",
    "hc_120_200": "HC 120–200 mm",
    "hc_over_200": "HC > 200 mm",
}
GROUPS = {"all": "all sound labels", **HEAD_SIZES, "with_suspects": "suspect labels included"}
GROWTH_COLUMNS = (
    ("age_weeks_hc", "Age by HC", "weeks"),
    ("age_weeks_bpd", "Age by BPD", "weeks"),
    *((f"{length}_centile", f"{length.upper()} centile", "INTERGROWTH-21st") for length in ("hc", "bpd", "ofd")),
)
OVERLAY_WIDTH_PX = 640  # as wide as a gallery column gets on a dense screen; about 25 kB an image
MISSING = "–"
_FEWEST_AT_RISK = 20  # images below which a curve of means is noise


@dataclass(frozen=True)
class ReportInputs:
    """What a report is made from; the tables have the columns of the run's csv files.

    audit, split and history are None where nothing is labelled or the model was trained elsewhere, comparison where
    none was asked for. Image paths of the manifest are absolute or start at the working directory.
    """

    run: str
    experiment: str
    manifest: pd.DataFrame
    predictions: pd.DataFrame
    metrics: dict
    audit: pd.DataFrame | None = None
    split: pd.DataFrame | None = None
    history: pd.DataFrame | None = None
    comparison: pd.DataFrame | None = None
    settings: dict = field(default_factory=dict)
    versions: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """A drawing with its heading, legend (style class, text) and caption."""

    title: str
    svg: Markup
    legend: tuple[tuple[str, str], ...] = ()
    caption: str = ""


def render_report(inputs: ReportInputs) -> str:
    """Return the page as text."""
    rows = measured_rows(inputs)
    metrics = inputs.metrics
    test = metrics["splits"].get("test", {})
    test_rows = rows[(rows["split"] == "test") & (rows["verdict"] == "sound")]
    unit = metrics["unit"]
    shown_unit = "mm" if (rows["unit"] == "mm").any() else "px"
    reference = metrics.get("reference") or {"model": {}, "labels": {}}
    return fill_template(
        "report.html.j2",
        inputs=inputs,
        metrics=metrics,
        unit=unit,
        shown_unit=shown_unit,
        lengths=LENGTHS,
        groups=GROUPS,
        test=test,
        reference=reference,
        suspects=metrics["model"].get("suspects"),
        keep_epoch=metrics["model"].get("keep_epoch"),
        rows=rows.to_dict("records"),
        measured=measured_summary(rows[rows["unit"] == shown_unit]),
        split_table=split_table(rows),
        examinations_shared=examinations_shared(rows),
        settings=flatten(inputs.settings),
        digest=content_digest(inputs.manifest),
        chart=inputs.settings.get("growth_chart"),
        growth=[column for column in GROWTH_COLUMNS if column[0] in rows and rows[column[0]].notna().any()],
        flags=sorted({flag for flags in rows["flags"] for flag in flags}),
        comparison=[] if inputs.comparison is None else inputs.comparison.to_dict("records"),
        training_figures=training_figures(inputs.history, metrics),
        error_figures=error_figures(test_rows, test.get("all"), unit),
        agreement_figures=agreement_figures(test_rows, test.get("all"), unit),
        head_size_figure=head_size_figure(test, unit),
        reference_figure=reference_figure(reference, unit),
        confidence_figure=confidence_figure(rows),
        gallery=gallery(rows, test_rows),
    )


def fill_template(name: str, **values) -> str:
    """A page from the template of that name beside this module; every value is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number,
        signed=signed,
        percent=percent,
        count=count,
        duration=duration,
        factor=factor,
        sort_key=sort_key,
        span=span,
        csp=csp_source,
    )
    return environment.get_template(name).render(**values)


def measured_rows(inputs: ReportInputs) -> pd.DataFrame:
    """One row per predicted image: its prediction, label, split, verdict and errors.

    For each length L, L_shown and L_label are in the row's unit: mm where its pixel size is known, else px.
    L_error (prediction minus label) and L_mean of the two are in the unit of the metrics, L_relative is the
    error over the label. BPD and HC in mm are outer-to-outer, as in the predictions.
    """
    predictions, manifest = (table.reset_index(drop=True) for table in (inputs.predictions, inputs.manifest))
    rows = predictions.merge(manifest, on="image_name", suffixes=("", "_label"), validate="one_to_one")
    rows["labelled"] = rows[[f"{column}_label" for column in COLUMNS]].notna().all(axis=1)
    for table, columns in ((inputs.audit, ["verdict", "reasons"]), (inputs.split, ["split"])):
        rows[columns] = (
            "" if table is None else table.set_index("image_name").reindex(rows["image_name"])[columns].to_numpy()
        )
    rows[["verdict", "reasons", "split"]] = rows[["verdict", "reasons", "split"]].fillna("")
    for column in ("flags", "reasons"):
        rows[column] = [[part for part in text.split(";") if part] for text in rows[column]]

    pixel_size, calliper = rows["pixel_size_mm"].to_numpy(dtype=float), inputs.metrics.get("calliper")
    known = np.isfinite(pixel_size)
    rows["unit"] = np.where(known, "mm", "px")
    judged_size = pixel_size if inputs.metrics["unit"] == "mm" else np.full(len(rows), np.nan)
    predicted, labels = points_of(rows), label_points(rows)
    shown = [reported_lengths(points, pixel_size, calliper) for points in (predicted, labels)]
    judged = [reported_lengths(points, judged_size, calliper) for points in (predicted, labels)]
    for i, length in enumerate(LENGTH_ORDER):
        rows[f"{length}_shown"], rows[f"{length}_label"] = shown[0][:, i], shown[1][:, i]
        rows[f"{length}_error"] = (judged[0] - judged[1])[:, i]
        rows[f"{length}_mean"] = (judged[0] + judged[1])[:, i] / 2
        rows[f"{length}_relative"] = judged[0][:, i] / judged[1][:, i] - 1
    hc_mm = rows["reference_hc_mm"].fillna(rows["hc_label"].where(known))
    rows["band"] = [next((band for band, (low, high) in BANDS.items() if low <= hc < high), "") for hc in hc_mm]
    return rows.sort_values("image_name", kind="stable", ignore_index=True)


def label_points(rows: pd.DataFrame) -> np.ndarray:
    """Label landmarks (n, 4, 2) of measured rows in original pixels; NaN where a row has none."""
    return points_of(rows[[f"{column}_label" for column in COLUMNS]].set_axis(COLUMNS, axis=1))


def measured_summary(rows: pd.DataFrame) -> dict[str, tuple[float, float, float]]:
    """Median, smallest and largest of each length."""
    shown = {length: rows[f"{length}_shown"] for length in LENGTHS}
    return {length: (values.median(), values.min(), values.max()) for length, values in shown.items()}


def split_table(rows: pd.DataFrame) -> list[dict]:
    """Images, examinations and verdicts of each split, unlabelled images last."""
    table = []
    for name in (*SPLITS, ""):
        part = rows[rows["split"] == name]
        if len(part):
            verdicts = part["verdict"].value_counts()
            table.append(
                {
                    "split": name or "not in a split",
                    "images": len(part),
                    "examinations": part["examination"].nunique(),
                    "sound": int(verdicts.get("sound", 0)),
                    "suspect": int(verdicts.get("suspect", 0)),
                }
            )
    return table


def examinations_shared(rows: pd.DataFrame) -> int:
    """Number of examinations with images in more than one split."""
    in_split = rows[rows["split"] != ""]
    pairs = in_split[["examination", "split"]].drop_duplicates()
    return int((pairs["examination"].value_counts() > 1).sum())


def content_digest(manifest: pd.DataFrame) -> str:
    """Twelve hex digits that change when any image of the run changes."""
    return hashlib.sha256("\n".join(sorted(manifest["sha256"])).encode()).hexdigest()[:12]


def flatten(settings: dict, prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as (dotted key, value) pairs in their own order."""
    pairs = []
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            pairs += flatten(value, f"{prefix}{key}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
            pairs.append((f"{prefix}{key}", text))
    return pairs


# Numbers as text


def number(value, digits: int | None = None) -> str:
    """A number with a true minus sign; two decimals below 10 and one above, unless digits says otherwise."""
    if value is None or not math.isfinite(value):
        return MISSING
    if digits is None:
        digits = 2 if abs(value) < 9.995 else 1
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else f"{0:.{digits}f}"


def signed(value, digits: int | None = None) -> str:
    """As number, with a plus sign before a positive value."""
    text = number(value, digits)
    return text if text == MISSING or value <= 0 or not float(text) else f"+{text}"


def percent(share, digits: int = 0) -> str:
    """A share (0-1) as per cent."""
    return MISSING if share is None or not math.isfinite(share) else f"{number(100 * share, digits)}\u00a0%"


def count(value) -> str:
    """A whole number with thin spaces between thousands."""
    return MISSING if value is None else f"{int(value):,}".replace(",", "\u202f")


def duration(seconds) -> str:
    """Seconds as hours, minutes and seconds."""
    if seconds is None:
        return MISSING
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def span(length: dict, figure: str) -> str:
    """The ends of a figure's 95 % interval, such as 1.31–2.02; empty where there is none."""
    low, high = (length.get(f"{figure}_{end}") for end in ("low", "high"))
    if low is None or high is None or not math.isfinite(low) or not math.isfinite(high):
        return ""
    return f"{signed(low)} to {signed(high)}" if figure == "bias" else f"{number(low)}–{number(high)}"


def factor(length: dict) -> str:
    """How many times smaller the model's error is than the constant's; empty where it cannot be told."""
    constant, model = length.get("constant_mae"), length.get("mae")
    if constant is None or not model:
        return ""
    ratio = constant / model
    return f"{ratio:.0f}×" if ratio >= 10 else f"{ratio:.1f}×"


def sort_key(value) -> str:
    """A number as the table's script sorts by it; empty where missing."""
    return f"{value:.6g}" if math.isfinite(value) else ""


def csp_source(script: str) -> str:
    """The Content-Security-Policy source that allows exactly this inline script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


# Drawing


def nice_step(width: float) -> float:
    """The smallest of 1, 2 or 5 times a power of ten that is at least width."""
    power = 10.0 ** math.floor(math.log10(width))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= width * 0.999)


def nice_ticks(low: float, high: float, about: int = 5) -> np.ndarray:
    """Round numbers inside [low, high], at most about + 1 of them."""
    step = nice_step(max(high - low, 1e-12) / about)
    return np.arange(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1) * step


def log_ticks(low: float, high: float) -> np.ndarray:
    """1, 2 and 5 times powers of ten inside [low, high]; powers alone over more than two decades."""
    powers = 10.0 ** np.arange(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = [1, 2, 5] if high / low <= 100 else [1]
    ticks = np.sort(np.outer(powers, factors).ravel())
    return ticks[(ticks >= low * 0.999) & (ticks <= high * 1.001)]


class Plot:
    """A small chart: scales, ticks and marks, written as SVG. The page's style sheet colours its classes."""

    width = 380
    left, top, bottom = 46, 12, 38

    def __init__(
        self,
        x_range: tuple[float, float],
        y_range: tuple[float, float],
        x_label: str,
        y_label: str,
        *,
        x_log: bool = False,
        y_log: bool = False,
        y_ticks=None,
        height: int = 250,
        right: int = 10,
    ):
        self.height, self.floor, self.edge = height, height - self.bottom, self.width - right
        self.x_log, self.y_log = x_log, y_log
        self.x_range, self.y_range = x_range, y_range
        self.marks: list[Markup] = []
        self._frame(x_label, y_label, y_ticks)

    def x(self, value) -> float:
        share = _share(value, *self.x_range, self.x_log)
        return self.left + share * (self.edge - self.left)

    def y(self, value) -> float:
        share = _share(value, *self.y_range, self.y_log)
        return self.floor - share * (self.floor - self.top)

    def add(self, mark: str, **values) -> None:
        """Add an element; values are escaped, numbers rounded to a tenth of a unit."""
        rounded = {k: f"{v:.1f}" if isinstance(v, (float, np.floating)) else v for k, v in values.items()}
        self.marks.append(Markup(mark).format(**rounded))

    def text(self, x: float, y: float, text: str, style: str = "", anchor: str = "start") -> None:
        mark = '<text x="{x}" y="{y}" class="{style}" text-anchor="{anchor}">{text}</text>'
        self.add(mark, x=x, y=y, style=style, anchor=anchor, text=text)

    def line(self, xs, ys, style: str) -> None:
        """A line through the points whose y is finite."""
        dots = [f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in zip(xs, ys, strict=True) if math.isfinite(y)]
        self.add('<polyline class="{s}" points="{p}"/>', s=style, p=" ".join(dots))

    def level(self, value: float, style: str) -> None:
        """A horizontal line over the whole width."""
        y = self.y(value)
        self.add('<path class="{s}" d="M{a} {y}H{b}"/>', s=style, a=self.left, b=self.edge, y=y)

    def upright(self, value: float, style: str, label: str = "") -> None:
        """A vertical line over the whole height, its label beside its upper end."""
        x = self.x(value)
        self.add('<path class="{s}" d="M{x} {a}V{b}"/>', s=style, x=x, a=self.top, b=self.floor)
        if label:
            far = x > 0.7 * self.width
            self.text(x - 4 if far else x + 4, self.top + 9, label, "label", "end" if far else "start")

    def bar(self, x_from: float, x_to: float, value: float, style: str) -> None:
        a, b, y = self.x(x_from), self.x(x_to), self.y(value)
        height = self.y(0) - y
        mark = '<rect class="{s}" x="{x}" y="{y}" width="{w}" height="{h}"/>'
        self.add(mark, s=style, x=a + 0.5, y=y, w=b - a - 1, h=height)

    def point(self, x: float, y: float, style: str, shape: str = "circle", title: str = "") -> None:
        """A mark of one of three shapes, told apart without colour, with a title shown on hover."""
        outline = {
            "circle": "m-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0z",
            "triangle": "m0 -4l3.6 6.2h-7.2z",
            "square": "m-2.7 -2.7h5.4v5.4h-5.4z",
        }[shape]
        mark = '<path class="{style}" d="M{x} {y}{outline}"><title>{title}</title></path>'
        self.add(mark, style=style, x=self.x(x), y=self.y(y), outline=outline, title=title)

    def svg(self, label: str) -> Markup:
        """The chart; label says to a screen reader what it shows."""
        return Markup('<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
            self.width, self.height, label, Markup("").join(self.marks)
        )

    def _frame(self, x_label, y_label, y_ticks) -> None:
        x_ticks = log_ticks(*self.x_range) if self.x_log else nice_ticks(*self.x_range)
        if y_ticks is None:
            y_ticks = log_ticks(*self.y_range) if self.y_log else nice_ticks(*self.y_range)
        for tick in y_ticks:
            self.level(tick, "grid")
            self.text(self.left - 6, self.y(tick) + 3.5, _tick(tick), "tick", "end")
        for tick in x_ticks:
            self.add('<path class="axis" d="M{x} {y}v4"/>', x=self.x(tick), y=self.floor)
            self.text(self.x(tick), self.floor + 15, _tick(tick), "tick", "middle")
        self.add('<path class="axis" d="M{a} {y}H{b}"/>', a=self.left, b=self.edge, y=self.floor)
        self.text((self.left + self.edge) / 2, self.height - 4, x_label, "label", "middle")
        turned = '<text class="label" text-anchor="middle" transform="translate(11 {y}) rotate(-90)">{t}</text>'
        self.add(turned, y=(self.top + self.floor) / 2, t=y_label)


def _share(value, low, high, log) -> float:
    if log:
        value, low, high = math.log(value), math.log(low), math.log(high)
    return (value - low) / (high - low)


def _tick(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")


def _padded(values, share: float = 0.06, include=()) -> tuple[float, float]:
    """A range around the finite values (and those of include), widened by a share of its span."""
    values = np.append(np.asarray(values, float).ravel(), include)
    values = values[np.isfinite(values)]
    low, high = values.min(), values.max()
    margin = share * (high - low) or 0.5 * abs(high) or 1.0
    return float(low - margin), float(high + margin)


# Figures


def training_figures(history: pd.DataFrame | None, metrics: dict) -> list[Figure]:
    """The loss with its baseline, and the validation length errors where any were taken, by epoch."""
    if history is None or history.empty:
        return []
    best = metrics["model"]["best_epoch"]
    figures = [loss_figure(history, metrics["loss"], best)]
    if history.filter(regex="^validation_.*_mae_").notna().any(axis=None):
        figures.append(validation_figure(history, best))
    return figures


def loss_figure(history: pd.DataFrame, loss: dict | None, best: int | None) -> Figure:
    """Training and validation loss by epoch; logarithmic where it falls more than tenfold."""
    baseline = loss["baseline"] if loss and loss["baseline"] is not None else np.nan
    values = history[["train_loss", "validation_loss"]].to_numpy(float)
    low, high = np.nanmin([np.nanmin(values), baseline]), np.nanmax([np.nanmax(values), baseline])
    log = bool(low > 0 and high > 10 * low)
    limits = (low / 1.2, high * 1.2) if log else _padded(values, 0.12, [baseline])
    name = loss["name"].replace("_", " ") if loss else "loss"
    plot = Plot(_epochs(history), limits, "epoch", name + (" (log scale)" if log else ""), y_log=log)
    legend = [("line train", "training"), ("line validation", "validation")]
    if math.isfinite(baseline):
        plot.level(baseline, "line baseline")
        legend.append(("line baseline", f"{loss['baseline_name']}, {baseline:.4g}"))
    if best is not None:
        plot.upright(best, "line best", f"best epoch {best}")
    plot.line(history["epoch"], history["train_loss"], "line train")
    plot.line(history["epoch"], history["validation_loss"], "line validation")
    last = history.iloc[-1]
    ends = f"training ends at {last.train_loss:.4g}, validation at {last.validation_loss:.4g}"
    caption = ""
    if loss:
        parts = [f"{split} {loss[split]:.4g}" for split in SPLITS if loss.get(split) is not None]
        caption = f"Loss of the weights kept: {', '.join(parts)}."
        if math.isfinite(baseline):
            caption += f" Dashed: {loss['baseline_name']}, which takes no learning."
    return Figure(f"Loss ({name})", plot.svg(f"Loss by epoch: {ends}."), tuple(legend), caption)


def validation_figure(history: pd.DataFrame, best: int | None) -> Figure:
    """Mean absolute length errors on the validation split by epoch."""
    unit = "mm" if "validation_hc_mae_mm" in history else "px"
    columns = {length: f"validation_{length}_mae_{unit}" for length in LENGTHS}
    values = history[list(columns.values())].to_numpy(float)
    low, high = np.nanmin(values), np.nanmax(values)
    log = bool(low > 0 and high > 10 * low)
    plot = Plot(
        _epochs(history),
        (low / 1.2, high * 1.2) if log else (0.0, 1.06 * high),
        "epoch",
        f"validation MAE, {unit}" + (" (log scale)" if log else ""),
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
        plot.svg(f"Validation mean absolute error by epoch; last epoch: {last} {unit}."),
        legend,
        f"Mean absolute error of each length on the validation split, in {unit} of the original images.",
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
    """Mean relative error of the images that are left when those with the widest intervals are set aside."""
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
        plot.svg(f"Mean relative error when the images with the widest intervals are set aside: {halves}."),
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
    x_range = _padded(means)
    y_range = _padded(errors, 0.1, [0, *(summary[key] for key in levels)])
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


# Overlays


def gallery(rows: pd.DataFrame, test_rows: pd.DataFrame) -> list[tuple[str, list[dict]]]:
    """Titled groups of overlays: best, median, worst test images, labels left out; or the least confident."""
    judged = test_rows[test_rows["hc_relative"].notna()]
    judged = judged.iloc[np.argsort(judged["hc_relative"].abs().to_numpy(), kind="stable")]
    if judged.empty:
        least = rows.sort_values("confidence", kind="stable").head(12)
        groups = {"Least confident": least}
    else:
        size = min(3, len(judged))
        middle = (len(judged) - size) // 2
        groups = {
            "Smallest HC error": judged.head(size),
            "Median HC error": judged.iloc[middle : middle + size],
            "Largest HC error": judged.tail(size).iloc[::-1],
        }
        suspects = rows[rows["verdict"] == "suspect"]
        if len(suspects):
            repeated = suspects["reasons"].str[0].fillna("").duplicated()
            groups["Labels left out by the audit, one for each reason"] = suspects[~repeated].head(6)
    return [
        (title, [{**row, "overlay": prediction_overlay(row)} for row in part.to_dict("records")])
        for title, part in groups.items()
    ]


def prediction_overlay(row: dict) -> Markup:
    """The image of a measured row with the predicted head and, where it has one, its label's."""
    frame = pd.DataFrame([row])
    drawn = {"prediction": head_marks(points_of(frame)[0], "prediction")}
    if row["labelled"]:
        drawn["label"] = head_marks(label_points(frame)[0], "reference")
    text = f"Ultrasound image {row['image_name']} with the head ellipse and its two axes: {' and '.join(drawn)}"
    return overlay(row["path"], drawn.values(), text)


def overlay(path, drawn, label: str, width_px: int = OVERLAY_WIDTH_PX) -> Markup:
    """The image, at most width_px wide, with marks drawn in original pixels; label tells what is seen.

    Raises InputError where it cannot be read.
    """
    image = read_grey(path)
    height, width = image.shape
    scale = min(1.0, width_px / width)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    data = base64.b64encode(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 78])[1]).decode()
    return Markup(
        '<svg class="overlay" viewBox="-0.5 -0.5 {w} {h}" role="img" aria-label="{label}">'
        '<image x="-0.5" y="-0.5" width="{w}" height="{h}" preserveAspectRatio="none" decoding="async" '
        'href="data:image/jpeg;base64,{data}"/>{drawn}</svg>'
    ).format(w=width, h=height, label=label, data=data, drawn=Markup("").join(drawn))


def head_marks(points: np.ndarray, style: str, *, ellipse: bool = True) -> Markup:
    """Axes, their ends and the ellipse of landmarks (4, 2) as an SVG group; empty where one is missing."""
    if not np.isfinite(points).all():
        return Markup("")
    (cx, cy), semi_long, semi_short, angle = landmarks_to_ellipse(points)
    outline = '<ellipse rx="{:.1f}" ry="{:.1f}" transform="translate({:.1f} {:.1f}) rotate({:.2f})"/>'
    ofd_1, ofd_2, bpd_1, bpd_2 = (f"{x:.1f} {y:.1f}" for x, y in points)
    return Markup(
        '<g class="{style}">{outline}<path class="axes" d="M{ofd_1}L{ofd_2}"/>'
        '<path class="axes bpd" d="M{bpd_1}L{bpd_2}"/>'
        '<path class="ends" d="M{ofd_1}h.01M{ofd_2}h.01M{bpd_1}h.01M{bpd_2}h.01"/></g>'
    ).format(
        style=style,
        outline=Markup(outline).format(semi_long, semi_short, cx, cy, math.degrees(angle)) if ellipse else "",
        ofd_1=ofd_1,
        ofd_2=ofd_2,
        bpd_1=bpd_1,
        bpd_2=bpd_2,
    )
