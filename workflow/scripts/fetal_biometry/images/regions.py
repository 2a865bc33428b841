"""The parts of a frame in which a file states the size of a pixel, and how a table's cell holds them."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Calibration:
    """What a file says of its pixels' size in one frame.

    ``regions`` (R, 6): first and last column and row of each part of the frame with a known size, and the size of its
    pixels across and down in mm, as columns ``left, top, right, bottom, across, down``; R is 0 where the file is
    silent. ``problem`` names what in the file contradicts that, with both figures; empty where nothing does.
    """

    regions: np.ndarray = field(default_factory=lambda: np.zeros((0, 6)))
    problem: str = ""


def smallest_region(regions: np.ndarray, points: np.ndarray) -> np.ndarray | None:
    """Of regions (R, 6), see `Calibration`, the smallest that holds all points (P, 2); None where none does."""
    held = regions[in_regions(regions, points)]
    return held[(held[:, 2:4] - held[:, :2]).prod(axis=1).argmin()] if len(held) else None


def in_regions(regions: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Which regions (R, 6), see `Calibration`, hold all points (P, 2); (R,) bool."""
    first, last = regions[:, None, :2], regions[:, None, 2:4]
    return ((points >= first) & (points <= last)).all(axis=(1, 2))


def format_regions(regions) -> str:
    """Calibrated regions as a table's cell: numbers, with ``;`` in between.

    Examples
    --------
    >>> format_regions([[0, 0, 799, 539, 0.1, 0.12]])
    '0 0 799 539 0.1 0.12'
    """
    return ";".join(" ".join(f"{number:.12g}" for number in region) for region in regions)


def parse_regions(text: str) -> np.ndarray:
    """What `format_regions` wrote, (R, 6)."""
    return np.array([region.split() for region in text.split(";")], dtype=float)
