"""A model on planes of other centres, each told head from no head by a classifier that saw none of its centre."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fetal_biometry.frames import points_of, sizes_of
from fetal_biometry.images.cache import Arrays
from fetal_biometry.limits import FlagLimits
from fetal_biometry.measure.biometry import measure
from fetal_biometry.measure.flags import FAINT_HEAD, NO_HEAD
from fetal_biometry.model.geometry import all_lengths
from fetal_biometry.model.surroundings import SURROUNDINGS, as_text, dotted, unroll
from fetal_biometry.terms import HEAD, LENGTHS, REFERENCE_COLUMNS, Calliper

ABSENT = "no head"
OWN_NOTE = "The model’s own classifier judged all images. If it was trained on some of them, the figures are too good."
LEFT_OUT_NOTE = (
    "Each centre is judged by a classifier and limits made without its images. The network that measures was not "
    "trained on any of them."
)


def measure_planes(
    found: pd.DataFrame,
    images: pd.DataFrame,
    calibrations: dict[str, dict],
    references: pd.DataFrame,
    limits: FlagLimits,
) -> pd.DataFrame:
    """What `report.elsewhere.report_elsewhere` takes: a row for each image and reference.

    Parameters
    ----------
    found : DataFrame
        Landmark table of the planes.
    images : DataFrame
        Their facts: ``plane``, ``centre``, ``whole``, ``path``, ``width_px``, ``height_px``, by image name.
    calibrations : dict
        The calibration for each centre.
    references : DataFrame
        Landmarks of heads, with the kind as ``label_source``; an image may stand there with several kinds.
    """
    facts = images.assign(pixel_size_mm=np.nan)
    parts = []
    for centre, calibration in calibrations.items():
        names = facts.index[facts["centre"] == centre]
        table = measure(found.loc[names], facts.loc[names], calibration, limits, Calliper.OUTER_TO_OUTER)
        parts.append(table.set_index("image_name", drop=False))
    table = pd.concat(parts).join(facts[["path", "frame", "plane", "centre", "whole"]])
    table["is_head"] = table["plane"] == HEAD
    flags = table["flags"].str.split(";")
    absent, faint = (flags.map(lambda names, flag=flag: flag in names) for flag in (NO_HEAD, FAINT_HEAD))
    table["presence"] = np.select([absent, faint], [ABSENT, FAINT_HEAD], HEAD)
    return _with_references(table, references)


def with_dots(found: pd.DataFrame, arrays: Arrays, images: pd.DataFrame) -> pd.DataFrame:
    """A landmark table whose surroundings are those of images with a dotted ellipse on every head, see `dotted`.

    ``arrays`` holds the prepared images, ``images`` their ``width_px`` and ``height_px``, by image name.
    """
    prepared = np.stack([arrays[name] for name in found.index])
    sizes, points = sizes_of(images.loc[found.index]), points_of(found)
    return found.assign(**{SURROUNDINGS: as_text(unroll(dotted(prepared, sizes, points), sizes, points))})


def _with_references(table: pd.DataFrame, references: pd.DataFrame) -> pd.DataFrame:
    truth = points_of(references)
    known = pd.DataFrame(truth.reshape(-1, 8), columns=list(REFERENCE_COLUMNS))
    known[[f"reference_{name}_px" for name in LENGTHS]] = all_lengths(truth)
    known["reference_kind"] = references["label_source"].to_numpy()
    known["image_name"] = references.index
    joined = table.reset_index(drop=True).merge(known, on="image_name", how="left")
    return joined.assign(reference_kind=joined["reference_kind"].fillna(""))
