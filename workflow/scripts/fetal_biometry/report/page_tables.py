"""Tables of a page: headings, and blocks of rows; one macro draws them all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from fetal_biometry.report.wording import LENGTH_NAMES, count, factor, many, number, percent, signed, span

SONOGRAPHERS = {  # 95 % limits of agreement between two sonographers, and where they stand
    "hc": ("under 8 %", "repeated scan, Napolitano 2016; one observer ±3 %, Sarris 2012"),
    "bpd": ("under 5 %", "same stored image, Napolitano 2016"),
    "ofd": ("under 8 %", "repeated scan, Napolitano 2016"),
}


class Cell(NamedTuple):
    """A cell's text and, small below it, its 95 % interval or a note."""

    text: str
    small: str = ""


@dataclass(frozen=True)
class Block:
    """Rows, each the heading of the row and its cells, under a common title with a note below it."""

    rows: list[tuple[str, list[Cell]]]
    title: str = ""
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A table of numbers, or of text, that scrolls by itself; ``id`` is for links and tests."""

    id: str
    label: str
    headings: list[str]
    blocks: list[Block]
    numbers: bool = True

    @property
    def titled(self) -> bool:
        """Whether blocks have titles, in a first column."""
        return any(block.title for block in self.blocks)


def name_table(name: str, label: str, values: dict | list[tuple]) -> Table:
    """A table of names and values, as text."""
    rows = [(str(key), [Cell(str(value))]) for key, value in dict(values).items()]
    return Table(name, label, ["Name", "Value"], [Block(rows)], numbers=False)


def _share(value) -> str:
    return percent(value, 1)


_WRITTEN = {  # the figures of a length: heading, how it is written
    "n": ("n", count),
    "mae": ("Mean error, {unit}", number),
    "median": ("Median, {unit}", number),
    "p95": ("95th percentile, {unit}", number),
    "bias": ("Bias, {unit}", signed),
    "over_10_percent": ("Over 10\u00a0%", _share),
    "coverage": ("In its {level} interval", _share),
}
_HEADINGS = {name: heading for name, (heading, _) in _WRITTEN.items()} | {
    "limits": "95 % limits of agreement, {unit}",
    "relative_limits": "95 % limits of agreement",
    "constant": "Mean landmark’s error, {unit}",
    "sonographers": "Two sonographers differ by",
}


def length_headings(columns: tuple[str, ...], unit: str, level: str) -> list[str]:
    """Headings of `length_cells`."""
    return [_HEADINGS[column].format(unit=unit, level=level) for column in columns]


def length_cells(judged: dict, columns: tuple[str, ...], length: str = "") -> list[Cell]:
    """The named figures of one length, ``judged`` by `statistics.length_errors`, with their 95 % intervals."""
    return [_cell(judged, column, length) for column in columns]


def _cell(judged: dict, column: str, length: str) -> Cell:
    if column == "sonographers":
        return Cell(*SONOGRAPHERS[length])
    if column == "constant":
        smaller = factor(judged)
        return Cell(number(judged["constant_mae"]), f"{smaller} the model’s" if smaller else "")
    if column == "limits":
        return Cell(f"{signed(judged['loa_low'])} to {signed(judged['loa_high'])}")
    if column == "relative_limits":
        ends = " to ".join(percent(judged[f"relative_loa_{end}"], 1) for end in ("low", "high"))
        return Cell(ends, f"bias {signed(judged['bias'])}, {span(judged, 'bias')}")
    _, written = _WRITTEN[column]
    return Cell(written(judged[column]), span(judged, column))


def lengths_by_group(name: str, label: str, groups: dict, titles: dict[str, str], unit: str, level: str) -> Table:
    """Errors of each length in each group of images that ``titles`` names."""
    columns = ("n", "mae", "median", "p95", "bias", "limits", "over_10_percent", "coverage", "constant")
    blocks = []
    for group, title in titles.items():
        if group in groups:
            judged = groups[group]
            lengths = {length: length.upper() for length in LENGTH_NAMES} | {"hc_reference": "HC, stated"}
            rows = [
                (text, length_cells(judged[length], columns))
                for length, text in lengths.items()
                if length in judged and (length != "hc_reference" or group == "all")
            ]
            blocks.append(Block(rows, title, many(judged["examinations"], "examination")))
    return Table(name, label, ["Group", "Length", *length_headings(columns, unit, level)], blocks)
