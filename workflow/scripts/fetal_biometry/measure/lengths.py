"""Lengths in millimetres, outer-to-outer, of landmarks in pixels."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fetal_biometry.images.regions import parse_regions, smallest_region
from fetal_biometry.model.geometry import all_lengths, head_circumference, head_lengths, mean_ellipse
from fetal_biometry.terms import Calliper


def to_outer(bpd_mm: np.ndarray, calliper: Calliper) -> np.ndarray:
    """Outer-to-outer BPD in mm of one taken by another convention.

    ``BPDoo = 0.555934 + 1.027318 BPDoi`` (Wong et al. 2018, 543 scans) turns one whose lower calliper stands on
    the inner edge of the skull.

    Examples
    --------
    >>> round(float(to_outer(np.array(48.0), "outer_to_inner")), 2)
    49.87
    """
    return 0.555934 + 1.027318 * np.asarray(bpd_mm) if calliper == Calliper.OUTER_TO_INNER else np.asarray(bpd_mm)


def to_inner(bpd_mm: np.ndarray) -> np.ndarray:
    """Outer-to-inner BPD in mm of an outer-to-outer one: ``BPDoi = -0.403458 + 0.9714153 BPDoo`` (Wong et al. 2018)."""
    return -0.403458 + 0.9714153 * np.asarray(bpd_mm)


def head_pixel_sizes(images: pd.DataFrame, points: np.ndarray) -> np.ndarray:
    """Width and height of a pixel in mm where each head lies, (N, 2); NaN where that is unknown.

    An image's own ``pixel_size_mm`` where there is one. Else that of the smallest of its ``calibrated_regions``, see
    `regions.Calibration`, that holds all four landmarks: none is taken for a head outside.
    """
    sizes = images[["pixel_size_mm", "pixel_size_mm"]].to_numpy(dtype=float, copy=True)
    texts = images.get("calibrated_regions", pd.Series("", images.index))
    for number in np.flatnonzero(np.isnan(sizes[:, 0]) & (texts != "").to_numpy()):
        region = smallest_region(parse_regions(texts.iloc[number]), points[number])
        if region is not None:
            sizes[number] = region[4:]
    return sizes


def axes_in_millimetres(points: np.ndarray, pixel_size_mm: np.ndarray) -> np.ndarray:
    """Axes in millimetres of ellipses whose axes on the screen are ``points``, as landmarks in pixels, (N, 4, 2).

    On the screen the two differ where pixels, ``pixel_size_mm`` (N, 2), are no squares; elsewhere, and where their size
    is unknown (NaN), points are left as they are.
    """
    points, sizes = points.copy(), pixel_size_mm[:, None]
    oblong = np.abs(np.diff(pixel_size_mm)[:, 0]) > 0
    in_mm = points[oblong] * sizes[oblong]
    points[oblong] = mean_ellipse(in_mm, in_mm, 0) / sizes[oblong]
    return points


def outer_lengths(points: np.ndarray, pixel_size_mm: np.ndarray, calliper: Calliper) -> np.ndarray:
    """BPD (outer-to-outer), OFD and HC in mm, (N, 3), of landmarks placed by a calliper convention.

    ``pixel_size_mm`` is (N,) or, where pixels are no squares, their width and height, (N, 2).
    """
    bpd, ofd = head_lengths(in_millimetres(points, pixel_size_mm))
    bpd = to_outer(bpd, calliper)
    return np.stack([bpd, ofd, head_circumference(bpd, ofd)], axis=-1)


def reported_lengths(points: np.ndarray, pixel_size_mm: np.ndarray, calliper: Calliper) -> np.ndarray:
    """BPD, OFD and HC, (N, 3), as reported: `outer_lengths` where the pixel size is known, else pixels."""
    known = np.isfinite(_per_axis(pixel_size_mm)[:, :1])
    return np.where(known, outer_lengths(points, pixel_size_mm, calliper), all_lengths(points))


def _per_axis(pixel_size_mm: np.ndarray) -> np.ndarray:
    sizes = np.asarray(pixel_size_mm)
    return np.stack([sizes, sizes], axis=1) if sizes.ndim == 1 else sizes


def in_millimetres(points: np.ndarray, pixel_size_mm: np.ndarray) -> np.ndarray:
    return points * _per_axis(pixel_size_mm)[:, None]
