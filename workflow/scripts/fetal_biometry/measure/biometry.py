"""From landmarks to what a sonographer reads: BPD, OFD, HC, intervals and flags."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fetal_biometry.frames import points_of, sizes_of
from fetal_biometry.limits import FlagLimits
from fetal_biometry.measure.calibration import intervals
from fetal_biometry.measure.contradictions import find_contradictions
from fetal_biometry.measure.flags import NO_HEAD, Measured, flag_heads, own_limits
from fetal_biometry.measure.head_presence import presence_of
from fetal_biometry.measure.lengths import axes_in_millimetres, head_pixel_sizes, outer_lengths
from fetal_biometry.model.detection import QUALITY
from fetal_biometry.model.geometry import UNSCALED, all_lengths, scale_diameters
from fetal_biometry.terms import COLUMNS, LENGTH_COLUMNS, LENGTHS, SECOND_COLUMNS, Calliper

_UNSTABLE = 0.5  # of the radius, by which closer views move a reading: then a faint head is none


def measure(
    found: pd.DataFrame, images: pd.DataFrame, calibration: dict, limits: FlagLimits | None, calliper: Calliper
) -> pd.DataFrame:
    """The predictions table of what a network found: corrected lengths, intervals and flags.

    Parameters
    ----------
    found : DataFrame
        Of `inference.locate_all`.
    images : DataFrame
        ``pixel_size_mm`` (NaN where unknown), ``calibrated_regions``, ``width_px`` and ``height_px`` of the same
        images in the same order; see also `contradictions.find_contradictions`.
    calibration : dict
        Of the model, see `calibration.calibrate`; empty where it has none, and intervals are NaN.
    limits : FlagLimits or None
        None raises no flag.
    calliper : Calliper
        How the model's labels took BPD; a model that says it itself is believed.

    Returns
    -------
    DataFrame
        Lengths in pixels as the points lie; in millimetres, where the pixel size is known, with BPD and HC
        outer-to-outer; for each its interval (``bpd_px_low``); ``pixel_width_mm`` and ``pixel_height_mm``;
        ``confidence``, ``contrast``, ``head_odds`` (their logarithm, NaN where the model cannot tell),
        ``contradiction``, ``flags``; landmarks of the second head, NaN where there is none. Where there is no head,
        points and lengths are NaN.
    """
    calliper = Calliper(calibration.get("calliper", calliper))
    correction = calibration.get("correction", UNSCALED)
    points, beside = (scale_diameters(points_of(found, prefix), correction) for prefix in ("", "second_"))
    pixel_size = head_pixel_sizes(images, points)
    ellipses = found["disagreement"].notna().to_numpy()  # whose axes on the screen were found
    points[ellipses] = axes_in_millimetres(points[ellipses], pixel_size[ellipses])
    in_px, in_mm = all_lengths(points), outer_lengths(points, pixel_size, calliper)
    quality = found[list(QUALITY)].to_numpy(dtype=float)
    shares = intervals(calibration, quality, in_mm[:, 2])
    table = pd.DataFrame({"image_name": found["image_name"].to_numpy()})
    table[list(COLUMNS)] = points.reshape(-1, 8).round(3)
    for unit, lengths in (("px", in_px), ("mm", in_mm)):
        ends = interval_ends(lengths, shares)
        for column, name in enumerate(LENGTHS):
            table[f"{name}_{unit}"] = lengths[:, column].round(3)
            table[[f"{name}_{unit}_low", f"{name}_{unit}_high"]] = ends[:, column].round(3)
    table[["pixel_width_mm", "pixel_height_mm"]] = pixel_size
    for name in ("confidence", "contrast"):
        table[name] = found[name].to_numpy(dtype=float).round(4)
    presence = presence_of(calibration)
    odds = np.full(len(found), np.nan) if presence is None else presence.odds(found)
    faint, absent = (odds < presence.faint, odds < presence.none) if presence else (odds < 0, odds < 0)
    if limits is not None:
        own = own_limits(limits, calibration)
        faint |= found["height"].to_numpy(dtype=float) < own.height
    if presence is not None:
        absent |= faint & (found["moved"].to_numpy(dtype=float) > _UNSTABLE)
    table["head_odds"], table["contradiction"], table["flags"] = odds.round(2), "", ""
    table[list(SECOND_COLUMNS)] = np.nan
    if limits is not None:
        table["contradiction"] = find_contradictions(images, points, in_mm, limits)
        lengths = np.where(np.isfinite(pixel_size[:, :1]), in_mm, in_px)
        margins = np.diff(interval_ends(lengths, shares), axis=2)[..., 0] / (2 * np.maximum(lengths, 1e-9))
        agreed = found["second_disagreement"] <= limits.second_disagreement
        two_heads = (agreed & (found["second_height"] >= limits.height)).to_numpy()
        table.loc[two_heads, list(SECOND_COLUMNS)] = beside[two_heads].reshape(-1, 8).round(3)
        quality = found.reset_index(drop=True).assign(faint=faint, absent=absent, two_heads=two_heads)
        quality["contradicted"] = table["contradiction"] != ""
        heads = Measured(points, sizes_of(images), pixel_size, lengths, quality, margins)
        table["flags"] = flag_heads(heads, own)
    table.loc[absent, [*COLUMNS, *SECOND_COLUMNS, *LENGTH_COLUMNS]] = np.nan
    table.loc[absent, ["contradiction", "flags"]] = "", NO_HEAD
    return table


def measure_by_fold(
    found: pd.DataFrame,
    images: pd.DataFrame,
    calibration: dict,
    folds: pd.Series | None,
    limits: FlagLimits | None,
    calliper: Calliper,
) -> pd.DataFrame:
    """`measure`, where each image that calibrated the model takes correction and intervals from the other folds.

    ``folds`` has the fold of each image that calibrated it, by name; None where no network left a fold out.
    """
    fold = np.full(len(images), -1)
    if folds is not None:
        fold = folds.reindex(images.index).fillna(-1).to_numpy(dtype=int)
    tables = []
    for k in np.unique(fold):
        rows = fold == k
        known = calibration if k < 0 else calibration["without"][str(k)]
        table = measure(found[rows], images[rows], known, limits, calliper)
        tables.append(table.set_axis(np.flatnonzero(rows)))
    return pd.concat(tables).sort_index()


def interval_ends(lengths: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Low and high ends, (N, 3, 2), of intervals around lengths (N, 3)."""
    return np.stack([lengths * np.maximum(1 - shares, 0), lengths * (1 + shares)], axis=-1)


def describe_row(row) -> str:
    """One image's line in the log: ``000_HC.png → BPD: 120.45 px | OFD: 140.23 px``, millimetres where known."""
    if not np.isfinite(row.bpd_px):
        return f"{row.image_name} → {row.flags}"
    line = f"{row.image_name} → BPD: {row.bpd_px:.2f} px | OFD: {row.ofd_px:.2f} px"
    if np.isfinite(row.hc_mm):
        line += f" | BPD: {row.bpd_mm:.2f} mm | OFD: {row.ofd_mm:.2f} mm | HC: {row.hc_mm:.2f} mm"
    return line + (f" | {row.flags}" if row.flags else "")
