"""From landmarks to what a sonographer reads: BPD, OFD, HC, intervals, flags, and other people's formats."""

import numpy as np
import pandas as pd

from fetal_biometry.data.sources import parse_regions
from fetal_biometry.frames import points_of, sizes_of
from fetal_biometry.measure.calibration import intervals
from fetal_biometry.model.detection import EVIDENCE
from fetal_biometry.model.geometry import (
    LENGTHS,
    UNSTRETCHED,
    all_lengths,
    head_circumference,
    head_lengths,
    landmarks_to_ellipse,
    misalignment,
    stretch_diameters,
)
from fetal_biometry.model.landmarks import COLUMNS, LANDMARKS

UNSCALED = "no pixel size"  # the one flag that doubts no head
FLAGS = {
    "no head found": "the network draws none, or far more faintly than the heads that it was calibrated on",
    "low confidence": "the peaks that mark the ends of the diameters are broad, or there are several",
    "estimates disagree": "the ends of the diameters lie off the outline of the filled head",
    "poor contrast": "the image’s grey levels hardly differ",
    "uncertain length": "a length’s interval is wide",
    "unusual cephalic index": "the head is unusually narrow or round (BPD over OFD)",
    "implausible HC": "no fetus has such an HC; the pixel size may be in another unit",
    "diameters not perpendicular": "the diameters do not cross at a right angle",
    "diameters off centre": "the diameters do not cross in their middle",
    "head at the image border": "its outline comes to the border or crosses it, where the image does not show it",
    UNSCALED: "lengths are in pixels, since nothing says how large one is",
}
"""What each flag asks a person to look at; beyond which limits it is raised is configuration (``flags``)."""


def flag_heads(points, sizes, pixel_size, lengths, evidence, margins, limits: dict) -> list[str]:
    """What a person should look at before trusting a measurement, joined by ``;``.

    Parameters
    ----------
    points : ndarray of shape (N, 4, 2)
    sizes, pixel_size : ndarray of shape (N, 2)
        Width and height of the images, and of their pixels in mm, NaN where that is not known.
    lengths : ndarray of shape (N, 3)
        See `reported_lengths`.
    evidence : DataFrame of N rows
        ``confidence``, ``height`` and ``disagreement``, see `decoding.EVIDENCE`, NaN where the network gives none, and
        the image's ``contrast``, see `geometry.contrast`.
    margins : ndarray of shape (N, 3)
        Half the breadth of each length's interval as a share of it, NaN where there is none.
    limits : dict
        ``confidence``, ``height``, ``disagreement``, ``contrast``, ``interval`` (a margin), ``cephalic_index_low`` and
        ``cephalic_index_high`` (BPD over OFD), ``hc_low_mm`` and ``hc_high_mm``, which a pixel size in another unit
        passes, ``angle_deg`` off the right angle, ``midpoint_distance`` as a fraction of the mean diameter,
        ``border_px`` from the head's outline.
    """
    known = np.isfinite(pixel_size)
    cephalic_index = lengths[:, 0] / np.maximum(lengths[:, 1], 1e-9)
    hc_mm = np.where(known[:, 0], lengths[:, 2], np.nan)
    apart, skew = misalignment(_in_millimetres(points, np.where(known, pixel_size, 1.0)))
    centre, halves = points.mean(axis=1), (points[:, 1::2] - points[:, 0::2]) / 2
    reach = np.hypot(halves[:, 0], halves[:, 1])  # of the ellipse with these conjugate half-diameters, along x and y
    nearest = np.minimum(centre - reach, sizes - 1 - centre - reach).min(axis=1)
    raised = {
        "no head found": evidence["height"] < limits["height"],
        "low confidence": evidence["confidence"] < limits["confidence"],
        "estimates disagree": evidence["disagreement"] > limits["disagreement"],
        "poor contrast": evidence["contrast"] < limits["contrast"],
        "uncertain length": (margins > limits["interval"]).any(axis=1),
        "unusual cephalic index": (cephalic_index < limits["cephalic_index_low"])
        | (cephalic_index > limits["cephalic_index_high"]),
        "implausible HC": (hc_mm < limits["hc_low_mm"]) | (hc_mm > limits["hc_high_mm"]),
        "diameters not perpendicular": skew > limits["angle_deg"],
        "diameters off centre": apart > limits["midpoint_distance"],
        "head at the image border": nearest < limits["border_px"],
    }
    rows = np.column_stack(list(raised.values()))
    return [";".join(name for name, where in zip(raised, row, strict=True) if where) for row in rows]


def doubts_of(flags) -> list[str]:
    """Texts of flags without the one that doubts the millimetres alone, and not the head.

    Examples
    --------
    >>> doubts_of(["low confidence;no pixel size", "no pixel size", ""])
    ['low confidence', '', '']
    """
    return [";".join(flag for flag in text.split(";") if flag != UNSCALED) for text in flags]


def to_outer(bpd_mm: np.ndarray, calliper: str) -> np.ndarray:
    """Outer-to-outer BPD in mm of one taken by another convention.

    ``BPDoo = 0.555934 + 1.027318 BPDoi`` (Wong et al. 2018, 543 scans) turns one whose lower calliper stands on
    the inner edge of the skull.

    Examples
    --------
    >>> round(float(to_outer(np.array(48.0), "outer_to_inner")), 2)
    49.87
    """
    return 0.555934 + 1.027318 * np.asarray(bpd_mm) if calliper == "outer_to_inner" else np.asarray(bpd_mm)


def to_inner(bpd_mm: np.ndarray) -> np.ndarray:
    """Outer-to-inner BPD in mm of an outer-to-outer one: ``BPDoi = -0.403458 + 0.9714153 BPDoo`` (Wong et al. 2018)."""
    return -0.403458 + 0.9714153 * np.asarray(bpd_mm)


def head_pixel_sizes(manifest: pd.DataFrame, points: np.ndarray) -> np.ndarray:
    """Width and height of a pixel in mm where each head lies, (N, 2); NaN where that is unknown.

    An image's own ``pixel_size_mm`` where there is one. Else that of the smallest of its ``calibrated_regions``, see
    `dicom.calibrated_regions`, that holds all four landmarks: none is taken for a head outside.
    """
    sizes = manifest[["pixel_size_mm", "pixel_size_mm"]].to_numpy(dtype=float, copy=True)
    texts = manifest.get("calibrated_regions", pd.Series("", manifest.index))
    for number in np.flatnonzero(np.isnan(sizes[:, 0]) & (texts != "").to_numpy()):
        regions = parse_regions(texts.iloc[number])
        first, last = regions[:, None, :2], regions[:, None, 2:4]
        holds = ((points[number] >= first) & (points[number] <= last)).all(axis=(1, 2))
        if holds.any():
            area = np.where(holds, (last - first).prod(axis=-1)[:, 0], np.inf)
            sizes[number] = regions[area.argmin(), 4:]
    return sizes


def outer_lengths(points: np.ndarray, pixel_size_mm: np.ndarray, calliper: str) -> np.ndarray:
    """BPD (outer-to-outer), OFD and HC in mm, (N, 3), of landmarks placed by a calliper convention.

    ``pixel_size_mm`` is (N,) or, where pixels are no squares, their width and height, (N, 2).
    """
    bpd, ofd = head_lengths(_in_millimetres(points, pixel_size_mm))
    bpd = to_outer(bpd, calliper)
    return np.stack([bpd, ofd, head_circumference(bpd, ofd)], axis=-1)


def reported_lengths(points: np.ndarray, pixel_size_mm: np.ndarray, calliper: str) -> np.ndarray:
    """BPD, OFD and HC, (N, 3), as reported: `outer_lengths` where the pixel size is known, else pixels."""
    known = np.isfinite(_per_axis(pixel_size_mm)[:, :1])
    return np.where(known, outer_lengths(points, pixel_size_mm, calliper), all_lengths(points))


def _per_axis(pixel_size_mm: np.ndarray) -> np.ndarray:
    sizes = np.asarray(pixel_size_mm)
    return np.stack([sizes, sizes], axis=1) if sizes.ndim == 1 else sizes


def _in_millimetres(points: np.ndarray, pixel_size_mm: np.ndarray) -> np.ndarray:
    return points * _per_axis(pixel_size_mm)[:, None]


def measure(
    found: pd.DataFrame, manifest: pd.DataFrame, calibration: dict, limits: dict, calliper: str
) -> tuple[pd.DataFrame, np.ndarray]:
    """The predictions table of what networks found, and `head_pixel_sizes`: corrected lengths, intervals and flags.

    Parameters
    ----------
    found : DataFrame
        ``image_name``, landmarks in original pixels, `decoding.EVIDENCE` and ``contrast``.
    manifest : DataFrame
        ``pixel_size_mm`` (NaN where unknown) and ``calibrated_regions``, ``width_px`` and ``height_px`` of the same
        images in the same order.
    calibration : dict
        Of the model, see `uncertainty.calibrate`; empty where it has none, and intervals are NaN.
    limits, calliper
        As of `tabulate`, which says what comes out. A model that says how its own labels took BPD is believed.
    """
    found, calliper = found.copy(), calibration.get("calliper", calliper)
    points = stretch_diameters(points_of(found), calibration.get("correction", UNSTRETCHED))
    found[list(COLUMNS)] = points.reshape(-1, 8)
    pixel_size = head_pixel_sizes(manifest, points)
    lengths = reported_lengths(points, pixel_size, calliper)
    ends = np.full((*lengths.shape, 2), np.nan)
    if calibration:
        hc_mm = np.where(np.isfinite(pixel_size[:, 0]), lengths[:, 2], np.nan)
        ends = intervals(calibration, lengths, found[list(EVIDENCE)].to_numpy(dtype=float), hc_mm)
    return tabulate(found, manifest, pixel_size, ends, own_limits(limits, calibration), calliper), pixel_size


def own_limits(limits: dict, calibration: dict) -> dict:
    """The configuration's limits for a model that says how faint heads may be, see `uncertainty.faintest_head`.

    What lies below its calibrating heads' height is no head, whatever the configuration allows, and what is as sure as
    they are is sure enough, whatever it asks.
    """
    height = max(limits["height"], calibration.get("least_height", 0.0))
    confidence = min(limits["confidence"], calibration.get("least_confidence", 1.0))
    return {**limits, "height": height, "confidence": confidence}


def interval_margins(ends: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Half the breadth of intervals, whose ends are (N, 3, 2), as a share of the lengths, (N, 3)."""
    return np.diff(ends, axis=2)[..., 0] / (2 * np.maximum(lengths, 1e-9))


def tabulate(found: pd.DataFrame, manifest: pd.DataFrame, pixel_size, intervals, limits: dict, calliper: str):
    """The predictions table.

    Parameters
    ----------
    found : DataFrame
        ``image_name``, landmarks in original pixels, and what `flag_heads` reads; indexed by image name.
    manifest : DataFrame
        Rows of the same images in the same order.
    pixel_size : ndarray of shape (N, 2)
        See `head_pixel_sizes`.
    intervals : ndarray of shape (N, 3, 2)
        Ends of the intervals of BPD, OFD and HC, in millimetres where the pixel size is known, else in pixels.
    limits : dict
        See `flag_heads`.
    calliper : {'outer_to_outer', 'outer_to_inner'}
        How the labels that the model learned from take BPD.

    Returns
    -------
    DataFrame
        Lengths in pixels as the points lie; in millimetres, where the image's pixel size is known, with BPD and
        HC outer-to-outer; interval ends in millimetres where it is known, else in pixels.
    """
    points = points_of(found)
    lengths, millimetres = all_lengths(points), outer_lengths(points, pixel_size, calliper)
    table = pd.DataFrame({"image_name": found["image_name"].to_numpy()})
    table[list(COLUMNS)] = points.reshape(-1, 8).round(3)
    for column, name in enumerate(LENGTHS):
        table[f"{name}_px"] = lengths[:, column].round(3)
    for column, name in enumerate(LENGTHS):
        table[f"{name}_mm"] = millimetres[:, column].round(3)
    for column, name in enumerate(LENGTHS):
        for end, side in enumerate(("low", "high")):
            table[f"{name}_{side}"] = intervals[:, column, end].round(3)
    for name in ("confidence", "contrast"):
        table[name] = found[name].to_numpy(dtype=float).round(4)
    reported = reported_lengths(points, pixel_size, calliper)
    margins = interval_margins(intervals, reported)
    flags = flag_heads(points, sizes_of(manifest), pixel_size, reported, found, margins, limits)
    unknown = np.where(np.isfinite(pixel_size[:, 0]), "", UNSCALED)
    table["flags"] = [";".join(filter(None, pair)) for pair in zip(flags, unknown, strict=True)]
    return table


def describe_row(row) -> str:
    """One image's line in the log: ``000_HC.png → BPD: 120.45 px | OFD: 140.23 px``, millimetres where known."""
    line = f"{row.image_name} → BPD: {row.bpd_px:.2f} px | OFD: {row.ofd_px:.2f} px"
    if np.isfinite(row.hc_mm):
        line += f" | BPD: {row.bpd_mm:.2f} mm | OFD: {row.ofd_mm:.2f} mm | HC: {row.hc_mm:.2f} mm"
    return line + (f" | {row.flags}" if row.flags else "")


def describe_measurements(table: pd.DataFrame, pixel_size: np.ndarray) -> list[dict]:
    """The predictions as plain nested values for other programs, an entry an image; None where something is unknown.

    ``image``; ``pixel_size_mm``, across and down; ``landmarks_px`` by name, ``[x, y]`` in original pixels, of which the
    first one's centre is ``[0, 0]``; ``bpd``, ``ofd`` and ``hc``, each with its ``value``, the ends of its interval,
    ``low`` and ``high``, and its ``unit``, mm outer-to-outer where the pixel size is known, else px; ``confidence``;
    ``flags``.
    """
    entries = []
    for row, size, points in zip(table.to_dict("records"), _per_axis(pixel_size), points_of(table), strict=True):
        known = bool(np.isfinite(size).all())
        unit = "mm" if known else "px"
        lengths = {
            name: {
                "value": _or_none(row[f"{name}_{unit}"]),
                "low": _or_none(row[f"{name}_low"]),
                "high": _or_none(row[f"{name}_high"]),
                "unit": unit,
            }
            for name in LENGTHS
        }
        entries.append(
            {
                "image": row["image_name"],
                "pixel_size_mm": size.tolist() if known else None,
                "landmarks_px": dict(zip(LANDMARKS, points.tolist(), strict=True)),
                **lengths,
                "confidence": _or_none(row["confidence"]),
                "flags": [flag for flag in row["flags"].split(";") if flag],
            }
        )
    return entries


def _or_none(number: float) -> float | None:
    return number if np.isfinite(number) else None


def export_tables(table: pd.DataFrame, pixel_size: np.ndarray) -> dict[str, pd.DataFrame]:
    """The predictions in the reference's two formats and the HC18 challenge's, by file name.

    ``hc18_submission.csv`` holds the images with a known pixel size: ellipse centre and semi axes in
    millimetres, outer-to-outer like the lengths, the angle of the long axis in radians, y pointing down.
    """
    task = table[["image_name"]].copy()
    corners = [f"{axis}{end}" for end in range(1, 5) for axis in "xy"]
    task[corners] = table[list(COLUMNS)].to_numpy()
    task[["bpd", "ofd"]] = table[["bpd_px", "ofd_px"]].to_numpy()
    circumference = table[["image_name", "bpd_px", "ofd_px", "hc_px", "bpd_mm", "ofd_mm", "hc_mm"]]
    known = np.isfinite(_per_axis(pixel_size)[:, 0])
    points = _in_millimetres(points_of(table[known]), pixel_size[known])
    centre, _, _, angle = landmarks_to_ellipse(points)
    semi_short, semi_long = np.sort(table.loc[known, ["bpd_mm", "ofd_mm"]].to_numpy(), axis=1).T / 2
    submission = pd.DataFrame(
        {
            "filename": table.loc[known, "image_name"],
            "center_x_mm": centre[:, 0],
            "center_y_mm": centre[:, 1],
            "semi_axes_a_mm": semi_long,
            "semi_axes_b_mm": semi_short,
            "angle_rad": angle,
        }
    ).round(6)
    return {
        "taskA_predictions.csv": task,
        "HC_results.csv": circumference,
        "hc18_submission.csv": submission,
    }
