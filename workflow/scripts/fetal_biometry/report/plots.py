"""Small charts as inline SVG, whose colours come from the page's style sheet."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup


@dataclass(frozen=True)
class Figure:
    """A drawing with its heading, legend (style class, text) and caption."""

    title: str
    svg: Markup
    legend: tuple[tuple[str, str], ...] = ()
    caption: str = ""


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
    top, bottom = 12, 38

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
        left: int = 46,
    ):
        self.height, self.floor = height, height - self.bottom
        self.left, self.edge = left, self.width - right
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


def padded(values, share: float = 0.06, include=()) -> tuple[float, float]:
    """A range around the finite values (and those of include), widened by a share of its span."""
    values = np.append(np.asarray(values, float).ravel(), include)
    values = values[np.isfinite(values)]
    low, high = values.min(), values.max()
    margin = share * (high - low) or 0.5 * abs(high) or 1.0
    return float(low - margin), float(high + margin)
