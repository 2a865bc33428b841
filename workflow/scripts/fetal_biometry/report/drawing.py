"""Figures by matplotlib, as SVG: a file of its own, or part of a page whose style sheet gives the colours."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from markupsafe import Markup

from fetal_biometry.digests import digest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Each is a variable of page.css, whose light scheme has the same value.
PALETTE = {
    "ink": "#1d2327", "soft": "#566068", "rule": "#dcdfdd", "paper": "#fcfcfa", "prediction": "#bf4e00",
    "reference": "#0067a5", "constant": "#7a848b", "bpd": "#a63d83", "ofd": "#1f7a4d", "small": "#3a9188",
    "medium": "#2f5f9e", "large": "#43215f",
}  # fmt: skip
LENGTH_COLOURS = {"hc": PALETTE["ink"], "bpd": PALETTE["bpd"], "ofd": PALETTE["ofd"]}
WIDTH = 5.0  # inches; on a phone the letters are then about as large as drawn

STYLE = {
    "svg.hashsalt": "fetal-head-biometry", "svg.fonttype": "none", "font.size": 10, "figure.facecolor": "none",
    "axes.facecolor": "none", "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
    "text.color": PALETTE["ink"], "axes.labelcolor": PALETTE["ink"], "axes.edgecolor": PALETTE["soft"],
    "xtick.color": PALETTE["soft"], "ytick.color": PALETTE["soft"], "figure.constrained_layout.use": True,
}  # fmt: skip


@dataclass(frozen=True)
class Chart:
    """A drawing for a page, and the sentence that says what it shows."""

    message: str
    svg: Markup


def new_figure(height: float, width: float = WIDTH):
    """An empty figure and its axes; sizes in inches."""
    import matplotlib  # half a second, and a page of measurements has no figure
    from matplotlib.figure import Figure

    matplotlib.rcParams.update(STYLE)
    figure = Figure(figsize=(width, height))
    return figure, figure.subplots()


def chart(figure: Figure, message: str, names: dict[str, str] | None = None) -> Chart:
    """The figure as part of a page, in the page's own font and colours.

    Parameters
    ----------
    figure : Figure
    message : str
        What the figure shows; a screen reader says it.
    names : dict, optional
        What a linked mark is called, by its address (``set_urls``).
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    root = ElementTree.fromstring(buffer.getvalue())
    _drop_style(root)
    _name_links(root, names or {})
    root.attrib = {"class": "plot", "viewBox": root.get("viewBox"), "role": "group" if names else "img"}
    root.set("aria-label", message)
    text = ElementTree.tostring(_without_namespaces(root), encoding="unicode")
    text = re.sub(r">\s+<", "><", text)
    text = re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", text)
    for name, colour in PALETTE.items():
        text = text.replace(colour, f"var(--{name})")
    used = set(re.findall(r"(?:url\(|href=\")#([\w-]+)[)\"]", text))
    text = re.sub(r' id="([^"]+)"', lambda name: name[0] if name[1] in used else "", text)
    own = digest(message)[:6]  # tells the ids of a page's figures apart
    for name in sorted(used):
        text = re.sub(rf"(id=\"|#){name}([)\"])", rf"\g<1>{own}{name}\2", text)
    return Chart(message, Markup(text))


def _drop_style(root) -> None:
    """Remove rules that would hold for the whole page, and fonts: the page has its own."""
    svg = "{http://www.w3.org/2000/svg}"
    for parent in list(root.iter(f"{svg}defs")):
        for rules in parent.findall(f"{svg}style"):
            parent.remove(rules)
    for text in root.iter(f"{svg}text"):
        text.set("style", re.sub(r"font-family: [^;]*; |font: .*?(?=[\d.]+px)", "", text.get("style", "")))


def _name_links(root, names: dict[str, str]) -> None:
    for link in root.iter("{http://www.w3.org/2000/svg}a"):
        name = names[link.get("{http://www.w3.org/1999/xlink}href")]
        link.attrib.pop("target", None)
        link.set("aria-label", name)
        ElementTree.SubElement(link, "title").text = name


def _without_namespaces(root):
    """The same tree with plain names, as HTML has them."""
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
    return root
