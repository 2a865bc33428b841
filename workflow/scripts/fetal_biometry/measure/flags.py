"""What asks a person to check a measurement: one entry a flag."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fetal_biometry.limits import FlagLimits
from fetal_biometry.model.geometry import misalignment, reach


@dataclass(frozen=True)
class Measured:
    """N measured heads, as the flags see them.

    ``points`` (N, 4, 2) in original pixels; ``sizes`` (N, 2) of the images; ``pixel_size`` (N, 2) in mm, NaN where it
    is not known; ``lengths`` (N, 3) BPD, OFD and HC, in mm where the pixel size is known, else in pixels; ``quality``
    the features ``confidence``, ``disagreement`` (see `detection.QUALITY`), ``contrast`` and ``straight_edge`` (see
    `straight_edges`), whether the head is ``faint`` or ``absent`` (see `biometry.measure`), whether there are
    ``two_heads``, and whether the pixel size is ``contradicted``; ``margins`` (N, 3) half the breadth of each length's
    interval as a share of it, NaN where there is none.
    """

    points: np.ndarray
    sizes: np.ndarray
    pixel_size: np.ndarray
    lengths: np.ndarray
    quality: pd.DataFrame
    margins: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Where the pixel size is known, (N,)."""
        return np.isfinite(self.pixel_size[:, 0])

    @property
    def cephalic_index(self) -> np.ndarray:
        return self.lengths[:, 0] / np.maximum(self.lengths[:, 1], 1e-9)

    @property
    def hc_mm(self) -> np.ndarray:
        return np.where(self.known, self.lengths[:, 2], np.nan)

    @property
    def misalignment(self) -> tuple[np.ndarray, np.ndarray]:
        """See `geometry.misalignment`, in true proportions where these are known."""
        return misalignment(self.points * np.where(self.known[:, None], self.pixel_size, 1.0)[:, None])

    @property
    def room(self) -> np.ndarray:
        """Pixels between the head's outline and the nearest border, (N,); negative where it crosses."""
        low, high = reach(self.points)
        return np.minimum(low, self.sizes - 1 - high).min(axis=1)


@dataclass(frozen=True)
class Flag:
    """A flag: its name, what a reader is told, and which of the measured heads raise it.

    ``of_pixel_size``: it concerns the pixel size, so it is also raised where a person has placed the head.
    """

    name: str
    meaning: str
    raised: Callable[[Measured, FlagLimits], np.ndarray]
    doubts_head: bool = True
    of_pixel_size: bool = False


NO_HEAD, FAINT_HEAD, TWO_HEADS = "no head found", "faint head", "two heads"
FLAGS = (
    Flag(
        NO_HEAD,
        "what was found does not look like a head; there are no lengths",
        lambda heads, limits: heads.quality["absent"],
    ),
    Flag(
        FAINT_HEAD,
        "what was found hardly resembles a head, or its mask is faint",
        lambda heads, limits: heads.quality["faint"],
    ),
    Flag(
        "low confidence",
        "the peaks that mark the ends of the diameters are broad, or there are several",
        lambda heads, limits: heads.quality["confidence"] < limits.confidence,
    ),
    Flag(
        "estimates disagree",
        "the ends of the diameters lie off the outline of the head mask",
        lambda heads, limits: heads.quality["disagreement"] > limits.disagreement,
    ),
    Flag(
        "poor contrast",
        "the image’s grey levels hardly differ",
        lambda heads, limits: heads.quality["contrast"] < limits.contrast,
    ),
    Flag(
        "uncertain length",
        "a length’s interval is wide",
        lambda heads, limits: (heads.margins > limits.interval).any(axis=1),
    ),
    Flag(
        "unusual cephalic index",
        "the head is unusually narrow or round (BPD over OFD)",
        lambda heads, limits: (
            (heads.cephalic_index < limits.cephalic_index_low) | (heads.cephalic_index > limits.cephalic_index_high)
        ),
    ),
    Flag(
        "implausible HC",
        "no fetus has such an HC; the pixel size may be in another unit",
        lambda heads, limits: (heads.hc_mm < limits.hc_low_mm) | (heads.hc_mm > limits.hc_high_mm),
        of_pixel_size=True,
    ),
    Flag(
        "diameters not perpendicular",
        "the diameters do not cross at a right angle",
        lambda heads, limits: heads.misalignment[1] > limits.angle_deg,
    ),
    Flag(
        "diameters off centre",
        "the diameters do not cross in their middle",
        lambda heads, limits: heads.misalignment[0] > limits.midpoint_distance,
    ),
    Flag(
        TWO_HEADS,
        "the picture shows another head beside the measured one, as dual views do",
        lambda heads, limits: heads.quality["two_heads"],
    ),
    Flag(
        "head cut off",
        "the head’s outline touches or crosses the image’s border, or a straight edge (of a bar, a box or the sector) "
        "runs through the head",
        lambda heads, limits: (heads.room < limits.border_px) | (heads.quality["straight_edge"] > limits.straight_edge),
    ),
    Flag(
        "pixel size contradicted",
        "the file or a table states another pixel size, or a length that differs from the measured one; see column "
        "contradiction",
        lambda heads, limits: heads.quality["contradicted"],
        of_pixel_size=True,
    ),
    Flag(
        "no pixel size",
        "the size of a pixel is not known, so lengths are in pixels; give pixel_sizes",
        lambda heads, limits: ~heads.known,
        doubts_head=False,
        of_pixel_size=True,
    ),
)
"""In the order in which they are named."""
DOUBTS = {flag.name for flag in FLAGS if flag.doubts_head}
SIZE_FLAGS = tuple(flag for flag in FLAGS if flag.of_pixel_size)


def flag_heads(heads: Measured, limits: FlagLimits, flags: tuple[Flag, ...] = FLAGS) -> list[str]:
    """The names of each head's flags, joined by ``;``."""
    raised = np.column_stack([np.asarray(flag.raised(heads, limits), dtype=bool) for flag in flags])
    return [";".join(flag.name for flag, where in zip(flags, row, strict=True) if where) for row in raised]


def doubts_of(flags) -> list[str]:
    """Texts of flags without those that doubt the millimetres alone, and not the head.

    Examples
    --------
    >>> doubts_of(["low confidence;no pixel size", "no pixel size", ""])
    ['low confidence', '', '']
    """
    return [";".join(flag for flag in text.split(";") if flag in DOUBTS) for text in flags]


def own_limits(limits: FlagLimits, calibration: dict) -> FlagLimits:
    """The limits for a model whose calibration says how sure it is of heads, see `calibration.least_confidence`.

    A head as sure as its calibration heads is sure enough, whatever the file asks.
    """
    confidence = min(limits.confidence, calibration.get("least_confidence", 1.0))
    return limits.model_copy(update={"confidence": confidence})
