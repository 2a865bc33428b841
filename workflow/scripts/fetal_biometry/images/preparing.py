"""Preparing a part of a run: what of its images can be used, as arrays and as rows of tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pandas as pd

from fetal_biometry.errors import InputError
from fetal_biometry.images.image_ref import ImageRef
from fetal_biometry.images.raster import prepare_images
from fetal_biometry.images.regions import format_regions
from fetal_biometry.tables import as_text

INDEX_COLUMNS = ("image_name", "width_px", "height_px", "calibrated_regions", "calibration_problem", "sha256")


class Preparation:
    """Prepares planned images one by one, and takes down what came of each.

    Parameters
    ----------
    planned : DataFrame
        ``work/plan/<part>.csv``.
    size : int
        Side of the prepared images.
    stop : bool
        Whether an image that cannot be read raises; else it is quarantined.
    """

    def __init__(self, planned: pd.DataFrame, size: int, stop: bool):
        self.planned, self.size, self.stop = planned, size, stop
        self.rows: list[tuple] = []
        self.bad: list[tuple] = []

    def pixels(self, threads: int = 1) -> Iterator[np.ndarray]:
        """The prepared images, (size, size), uint8, of those that can be read.

        Raises
        ------
        InputError
        """
        records = self.planned.to_dict("records")
        images = [ImageRef.from_row(row) for row in records]
        # Closed at once, also after an error: left to garbage collection, its threads can wait for each other.
        with closing(prepare_images(images, self.size, threads)) as prepared:
            for row, image, one in zip(records, images, prepared, strict=True):
                if isinstance(one, InputError):
                    if self.stop:
                        raise one
                    self.bad.append((as_text(row["image_name"]), as_text(str(image)), as_text(str(one))))
                    continue
                known = format_regions(one.calibration.regions), one.calibration.problem
                self.rows.append((row["image_name"], one.width, one.height, *known, row["sha256"]))
                yield one.pixels

    def index(self) -> pd.DataFrame:
        """A row for each of `pixels`, in their order."""
        return pd.DataFrame(self.rows, columns=list(INDEX_COLUMNS))

    def quarantine(self) -> pd.DataFrame:
        """``image_name``, ``path`` and ``reason`` of the others."""
        return pd.DataFrame(self.bad, columns=["image_name", "path", "reason"])
