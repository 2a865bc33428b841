"""What contradicts a head's millimetres: another statement of the pixel size, or a length that a table states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from fetal_biometry.frames import read_frame
from fetal_biometry.images.regions import in_regions, parse_regions
from fetal_biometry.limits import FlagLimits
from fetal_biometry.terms import LENGTHS, STATED, Split

FEWEST_ROWS, MANY = 5, 0.2  # of a table: stated lengths, and the share of them that must differ, to doubt it as a whole
AGREE = 0.8  # share of a table's rows that an explanation has to bring into line


def find_contradictions(images: pd.DataFrame, points: np.ndarray, lengths: np.ndarray, limits: FlagLimits) -> list[str]:
    """What contradicts the millimetres of each of N heads, with both figures; empty where nothing does.

    Parameters
    ----------
    images : DataFrame
        As of `biometry.measure`; where it has them with `terms.STATED`, and ``calibration_problem`` of the files.
    points : ndarray of shape (N, 4, 2)
        In original pixels.
    lengths : ndarray of shape (N, 3)
        BPD, OFD and HC in mm; NaN where the pixel size is unknown.
    """
    empty = pd.Series("", images.index)
    given, texts = images["pixel_size_mm"].to_numpy(dtype=float), images.get("calibrated_regions", empty)
    problems = images.get("calibration_problem", empty).where(np.isnan(given), "")
    stated = images.reindex(columns=list(STATED)).to_numpy(dtype=float)
    found = []
    for row, (text, problem) in enumerate(zip(texts, problems, strict=True)):
        parts = [problem, _between_sizes(given[row], text, points[row], limits.pixel_size)]
        parts += [
            f"{name.upper()} is {length:.1f} mm as measured and {said:.1f} mm as stated"
            for name, length, said in zip(LENGTHS, lengths[row], stated[row], strict=True)
            if abs(length / said - 1) > limits.stated_length
        ]
        found.append("; ".join(filter(None, parts)))
    return found


def _between_sizes(given: float, text: str, points: np.ndarray, limit: float) -> str:
    """How a given pixel size differs from the file's regions, or these from each other."""
    if not text:
        return ""
    regions = parse_regions(text)
    held = in_regions(regions, points)
    if np.isfinite(given):
        around = regions[held] if held.any() else regions
        if (np.abs(around[:, 4:] / given - 1) > limit).any(axis=1).all():
            return f"a pixel is {given:.4g} mm as given and {around[0, 4]:.4g} mm in the file"
        return ""
    first, *others = regions[held][:, 4:] if held.any() else [[]]
    for other in others:
        if (np.abs(other / first - 1) > limit).any():
            return f"a pixel is {first[0]:.4g} mm in one region of the file and {other[0]:.4g} mm in another"
    return ""


def read_facts(paths) -> pd.DataFrame:
    """The plan's ``<part>.facts.csv`` as one; of labelled parts without stated lengths, which judge the model."""
    tables = [read_frame(path) for path in paths]
    for table, path in zip(tables, paths, strict=True):
        if Path(path).name in {f"{split}.facts.csv" for split in Split}:
            table[list(STATED)] = np.nan
    return pd.concat([table for table in tables if len(table)] or tables[:1])


def describe_pixel_sizes(table: pd.DataFrame, images: pd.DataFrame, limits: FlagLimits | None) -> list[str]:
    """What a reader of the predictions must know of their pixel sizes, a line each; nothing where all is well."""
    missing, wrong = int(table["pixel_width_mm"].isna().sum()), int((table["contradiction"] != "").sum())
    lines = []
    if missing:
        remedy = "give pixel_sizes, in mm or as a csv of image_name, pixel_size_mm"
        lines.append(f"{missing} of {len(table)} images have no pixel size, and lengths in pixels only; {remedy}.")
    if wrong:
        first = table[table["contradiction"] != ""].iloc[0]
        where = f"first {first['image_name']}: {first['contradiction']}"
        lines.append(
            f"the pixel size of {wrong} of {len(table)} images is contradicted, {where}; column contradiction of "
            "predictions.csv has all. Correct the pixel size or the stated length."
        )
    if limits and (stated := images["reference_hc_mm"].to_numpy(dtype=float)).size:
        hc_px, hc_mm = (table[f"hc_{unit}"].to_numpy(dtype=float) for unit in ("px", "mm"))
        if doubt := doubt_table(hc_px, hc_mm / hc_px, stated, limits.stated_length):
            lines.append(f"the table of pixel sizes: {doubt}.")
    return lines


def doubt_table(hc_px: np.ndarray, pixel_size_mm: np.ndarray, stated_hc_mm: np.ndarray, limit: float) -> str:
    """What is wrong with a table of pixel sizes and stated HC as a whole; empty where few rows or none contradict it.

    Parameters
    ----------
    hc_px, pixel_size_mm, stated_hc_mm : ndarray of shape (N,)
        In the order of the table; NaN where unknown.
    limit : float
        Share by which HC may differ from the stated one.
    """
    known = np.isfinite(hc_px) & np.isfinite(pixel_size_mm) & np.isfinite(stated_hc_mm)
    hc, size, stated = hc_px[known], pixel_size_mm[known], stated_hc_mm[known]

    def agree(lengths: np.ndarray, truth: np.ndarray) -> int:
        return int((np.abs(lengths / truth - 1) <= limit).sum())

    count, wrong = len(hc), len(hc) - agree(hc * size, stated)
    if count < FEWEST_ROWS or wrong < MANY * count:
        return ""
    said = f"HC differs by more than {limit:.0%} from the stated one in {wrong} of {count} rows"
    factor = float(np.median(hc * size / stated))
    for shift in (1, -1):
        moved = {
            "pixel sizes and stated HC are": (np.roll(size, shift), np.roll(stated, shift)),
            "pixel sizes are": (np.roll(size, shift), stated),
            "stated HC are": (size, np.roll(stated, shift)),
        }
        for what, (sizes, truth) in moved.items():
            if (right := agree(hc * sizes, truth)) >= max(AGREE * count, count - wrong + 1):
                return f"{said}; {what} probably shifted by one row: moved back, {right} rows agree"
    if (right := agree(hc * size / factor, stated)) >= AGREE * count and abs(factor - 1) > limit:
        remedy = "pixel sizes or stated HC are in another unit, or of images of another size"
        return f"{said}; it is {factor:.2g} times the stated one in {right} rows: {remedy}"
    return said
