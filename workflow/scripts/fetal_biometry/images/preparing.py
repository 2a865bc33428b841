"""Preparing a part of a run: what of its images can be used, as one array and as rows of tables."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pandas as pd

from fetal_biometry.errors import InputError
from fetal_biometry.images.cache import write_array
from fetal_biometry.images.image_ref import ImageRef
from fetal_biometry.images.raster import prepare_images
from fetal_biometry.images.regions import format_regions
from fetal_biometry.tables import as_text

INDEX_COLUMNS = ("image_name", "width_px", "height_px", "calibrated_regions", "calibration_problem", "sha256")


def prepare_part(planned: pd.DataFrame, size: int, stop: bool, array, threads: int = 1):
    """Prepare planned images, (size, size), uint8, into the file ``array``; see `cache.write_array`.

    Parameters
    ----------
    planned : DataFrame
        ``work/plan/<part>.csv``.
    stop : bool
        Whether an image that cannot be read raises an `InputError`; else it is quarantined.

    Returns
    -------
    index : DataFrame
        A row for each image in the file, in their order.
    quarantine : DataFrame
        ``image_name``, ``path`` and ``reason`` of the others.
    """
    planned_rows, rows, bad = planned.to_dict("records"), [], []
    images = [ImageRef.from_row(row) for row in planned_rows]

    def usable_pixels():
        for row, image, one in zip(planned_rows, images, prepared, strict=True):
            if isinstance(one, InputError):
                if stop:
                    raise one
                bad.append([as_text(row["image_name"]), as_text(str(image)), as_text(str(one))])
                continue
            known = format_regions(one.calibration.regions), one.calibration.problem
            rows.append([row["image_name"], one.width, one.height, *known, row["sha256"]])
            yield one.pixels

    # Closed at once, also after an error: left to garbage collection, its threads can wait for each other.
    with closing(prepare_images(images, size, threads)) as prepared:
        write_array(array, usable_pixels(), len(images), (size, size), np.uint8)
    return pd.DataFrame(rows, columns=INDEX_COLUMNS), pd.DataFrame(bad, columns=["image_name", "path", "reason"])
