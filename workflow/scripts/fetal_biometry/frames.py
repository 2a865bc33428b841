"""The tables the workflow writes itself, as pandas frames and as arrays of points."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from fetal_biometry.job import atomic_path
from fetal_biometry.terms import COLUMNS

TEXT = ("image_name", "examination", "path", "sha256", "calibrated_regions", "calibration_problem", "contradiction",
        "label_source", "origin", "annotation", "annotation_sha256", "split", "verdict", "reasons", "reason",
        "flags", "convention", "centre", "plane", "review", "reviewer", "reviewed", "comment",
        "surroundings")  # fmt: skip


def read_frame(path) -> pd.DataFrame:
    """A table of the workflow, indexed by ``image_name``; names such as ``nan`` or ``007`` stay text."""
    with open(path, newline="", encoding="utf-8") as file:
        numbers = [column for column in next(csv.reader(file), []) if column not in TEXT]
    gaps = {column: [""] for column in numbers}
    frame = pd.read_csv(path, dtype=dict.fromkeys(TEXT, str), keep_default_na=False, na_values=gaps)
    return frame.set_index("image_name", drop=False)


def read_frames(paths) -> pd.DataFrame:
    """Several tables of one kind as one; each part of a run has its own."""
    frames = [read_frame(path) for path in paths]
    filled = [frame for frame in frames if len(frame)]  # an empty table knows no types
    return pd.concat(filled) if filled else frames[0]


def write_frame(frame: pd.DataFrame, path) -> None:
    """Write a table whole or not at all; floats as short as they can be read back exactly."""
    with atomic_path(Path(path)) as temporary:
        frame.to_csv(temporary, index=False, lineterminator="\n")


def points_of(frame: pd.DataFrame, prefix: str = "") -> np.ndarray:
    """Landmarks of a table as (N, 4, 2), NaN where there are none; of others than labels by their prefix."""
    return frame[[f"{prefix}{column}" for column in COLUMNS]].to_numpy(dtype=float).reshape(-1, 4, 2)


def sizes_of(images: pd.DataFrame) -> np.ndarray:
    """Width and height of the original images, (N, 2)."""
    return images[["width_px", "height_px"]].to_numpy(dtype=float)


def contents(images: pd.DataFrame) -> pd.Series:
    """What stands for each image file's content in a model that has seen it: the first digits of its sha256."""
    return images["sha256"].str[:12]


def report_unit(images: pd.DataFrame) -> tuple[str, np.ndarray]:
    """The unit of report and each image's unit per pixel.

    Millimetres when every labelled image has a pixel size, pixels otherwise: errors of the two never mix.
    """
    labelled = images[COLUMNS[0]].notna()
    pixel_size = images["pixel_size_mm"].to_numpy(dtype=float)
    if labelled.any() and np.isfinite(pixel_size[labelled]).all():
        return "mm", pixel_size
    return "px", np.ones(len(images))
