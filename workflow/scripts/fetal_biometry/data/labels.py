"""Labels as landmarks: eight numbers of a table, or the ellipse of an annotation image."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from fetal_biometry.errors import InputError
from fetal_biometry.frames import sizes_of
from fetal_biometry.images.header import image_size
from fetal_biometry.images.image_ref import ImageRef
from fetal_biometry.images.raster import read_grey
from fetal_biometry.model.geometry import fit_annotation
from fetal_biometry.model.landmarks import canonical
from fetal_biometry.tables import as_text
from fetal_biometry.terms import COLUMNS

MOST_CLASSES = 8  # values of a mask of classes, with the background; an outline with soft edges has more
STRAY_PIECE = 0.02  # of the largest piece's area: specks of a careless brush are smaller


def read_labels(
    planned: pd.DataFrame, index: pd.DataFrame, tolerance: float = np.inf, stop: bool = True
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The labels of one part.

    Parameters
    ----------
    planned : DataFrame
        ``work/plan/<part>.labels.csv`` or ``.references.csv``.
    index : DataFrame
        ``work/prepared/<part>.csv``; labels of images that are not in it are left out.
    tolerance : float
        A landmark further outside the image than this share of it is refused.
    stop : bool
        Whether a bad label raises; else it is left out.

    Returns
    -------
    labels : DataFrame
        ``image_name``, landmarks in original pixels and canonical order, ``label_source``, ``origin``.
    bad : DataFrame
        ``image_name``, ``path`` of the label and the ``reason`` of those left out.

    Raises
    ------
    InputError
        A label far outside its image; an annotation that cannot be read, is of another size or shows no ellipse.
    """
    planned = planned[planned.index.isin(index.index)]
    rows, bad = [], []
    for row, size in zip(planned.to_dict("records"), sizes_of(index.loc[planned.index]), strict=True):
        try:
            points = _landmarks(row, size)
            _refuse_far_points(points, size, tolerance, row)
        except InputError as error:
            if stop:
                raise
            bad.append([as_text(text) for text in (row["image_name"], row["origin"], str(error))])
            continue
        rows.append([row["image_name"], *points.ravel(), row["label_source"], row["origin"]])
    labels = pd.DataFrame(rows, columns=["image_name", *COLUMNS, "label_source", "origin"]).set_index(
        "image_name", drop=False
    )
    return labels, pd.DataFrame(bad, columns=["image_name", "path", "reason"])


def _landmarks(row: dict, size: np.ndarray) -> np.ndarray:
    if not row["annotation"]:
        return canonical(np.array([row[column] for column in COLUMNS], dtype=float).reshape(4, 2))
    path = Path(row["annotation"])
    width, height = image_size(ImageRef(path))
    if (width, height) != tuple(size):
        raise InputError(
            f"{path}: {width}x{height} pixels, but its image {row['image_name']} has {size[0]:g}x{size[1]:g}; give the "
            "annotation of this image."
        )
    annotation = read_grey(ImageRef(path))
    try:
        return fit_annotation(join_classes(annotation))
    except ValueError as error:
        raise InputError(f"{path}: {error}; redraw or remove the annotation.") from error


def join_classes(annotation: np.ndarray) -> np.ndarray:
    """A mask of a few classes, such as 1 for the skull and 2 for what is inside, as their union in white on black.

    The annotation itself where it has more than `MOST_CLASSES` values: an outline drawn with soft edges.

    Raises
    ------
    ValueError
        Several classes that do not lie in one piece: they are of several organs.
    """
    values = np.unique(annotation)
    if len(values) < 2 or len(values) > MOST_CLASSES:
        return annotation
    border = np.concatenate([annotation[0], annotation[-1], annotation[:, 0], annotation[:, -1]])
    background = 0 if 0 in border else np.bincount(border).argmax()
    union = (annotation != background).astype(np.uint8)
    _, _, pieces, _ = cv2.connectedComponentsWithStats(union, connectivity=8)
    areas = np.sort(pieces[1:, cv2.CC_STAT_AREA])[::-1]
    if len(values) > 2 and len(areas) > 1 and areas[1] > STRAY_PIECE * areas[0]:
        classes = ", ".join(str(value) for value in values if value != background)
        raise ValueError(f"the classes {classes} lie in several pieces; a head's are one")
    return 255 * union


def _refuse_far_points(points: np.ndarray, size: np.ndarray, tolerance: float, row: dict) -> None:
    margin = tolerance * size
    outside = ((points < -margin) | (points > size - 1 + margin)).any(axis=1)
    if outside.any():
        x, y = points[outside][0]
        raise InputError(
            f"{row['origin']} ({row['image_name']}): a landmark at ({x:.1f}, {y:.1f}) lies far outside the image of "
            f"{size[0]:g}x{size[1]:g} pixels; correct or remove the label (columns in the wrong order or a resized "
            "image's coordinates look like this)."
        )
