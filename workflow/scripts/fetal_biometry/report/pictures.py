"""The pictures of a page: in the page where they are few, else in a folder beside it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd

from fetal_biometry.frames import points_of
from fetal_biometry.names import as_file_name
from fetal_biometry.report.overlays import PAGE_WIDTH_PX, embedded, image_of, jpeg, visible

MOST_EMBEDDED = 100  # pictures; a page with more is too large to be mailed
SMALL_WIDTH_PX = 240


def picture_addresses(
    rows: pd.DataFrame, folder: Path, whole_frames: bool = False, threads: int = 1
) -> tuple[dict[str, str], dict[str, str]]:
    """Addresses of each image's picture and of a small one, by image name.

    Up to `MOST_EMBEDDED` pictures are part of their addresses. More are written to ``folder``, which lies beside the
    page, one file an image for both; else that folder is removed.

    Parameters
    ----------
    rows : DataFrame
        ``image_name``, ``path``, ``frame`` and landmarks of the measured heads, NaN where there are none.
    folder : Path
    whole_frames : bool
        Whether DICOM frames are shown whole; else black but for the head's surroundings.

    Raises
    ------
    InputError
        When an image cannot be read.
    """
    shutil.rmtree(folder, ignore_errors=True)
    large, small = {}, {}
    shown = zip(rows["image_name"], _shown(rows, whole_frames, threads), strict=True)
    if len(rows) <= MOST_EMBEDDED:
        for name, grey in shown:
            large[name], small[name] = (embedded(jpeg(grey, width)) for width in (PAGE_WIDTH_PX, SMALL_WIDTH_PX))
        return large, small
    folder.mkdir(parents=True)
    for name, grey in shown:
        file = folder / f"{as_file_name(name, safe=' #')}.jpg"
        file.write_bytes(jpeg(grey, PAGE_WIDTH_PX))
        large[name] = f"{quote(folder.name)}/{quote(file.name)}"
    return large, large


def _shown(rows: pd.DataFrame, whole_frames: bool, threads: int) -> Iterator[np.ndarray]:
    """What is seen of each image, in order."""

    def show(row: dict, *heads: np.ndarray) -> np.ndarray:
        return visible(image_of(row), heads, whole_frames)

    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(show, rows.to_dict("records"), points_of(rows), points_of(rows, "second_"))
