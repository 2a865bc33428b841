"""What a growth chart says of itself and of a head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Chart:
    """A growth chart: its name, whom it was made from, and what it tells.

    ``source`` is what the report cites. ``ages`` are the weeks that it was made from; outside of them there is no
    answer. ``estimate_age`` takes BPD (outer-to-outer), OFD and HC in mm, (N, 3), and gives weeks from HC and from BPD,
    (N, 2). ``centiles`` takes such lengths and weeks by dates, (N,), and gives their centiles, 0 to 100, (N, 3).
    Either is None where the chart's authors published nothing of the kind, and NaN for a length that they left out.
    """

    name: str
    population: str
    source: str
    ages: tuple[float, float]
    estimate_age: Callable[[np.ndarray], np.ndarray] | None = None
    centiles: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
