"""Matplotlib as this project's figures want it: no display, no frame, colours apart for every reader, equal bytes."""

import matplotlib

from fetal_biometry.job import atomic_path

matplotlib.use("Agg")
matplotlib.rcParams.update({"svg.hashsalt": "fetal-head-biometry", "font.size": 9})
matplotlib.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})
from matplotlib import pyplot  # noqa: E402, F401

BLUE, ORANGE, GREEN = "#0072b2", "#e69f00", "#009e73"  # Okabe and Ito


def save_svg(figure, path) -> None:
    """Write a figure, whole or not at all."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None}, bbox_inches="tight")
