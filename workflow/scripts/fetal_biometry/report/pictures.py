"""The pictures of a page: in the page where they are few, else in a folder beside it."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd

from fetal_biometry.digests import digest
from fetal_biometry.frames import points_of
from fetal_biometry.images.image_ref import is_dicom
from fetal_biometry.images.raster import read_grey
from fetal_biometry.report.overlays import DrawnHead, image_of, jpeg, surroundings

MOST_EMBEDDED = 100  # pictures; a page with more is too large to be mailed
WIDTH_PX, SMALL_WIDTH_PX = 1024, 240
_LONGEST_NAME = 200  # bytes; file systems take 255 with ending and all


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
    names = rows["image_name"].tolist()
    if len(names) <= MOST_EMBEDDED:
        encoded = [
            (_embedded(jpeg(grey, WIDTH_PX)), _embedded(jpeg(grey, SMALL_WIDTH_PX)))
            for grey in _shown(rows, whole_frames, threads)
        ]
        large, small = zip(*encoded, strict=True) if encoded else ((), ())
        return dict(zip(names, large, strict=True)), dict(zip(names, small, strict=True))
    folder.mkdir(parents=True)
    files = {name: folder / picture_name(name) for name in names}
    for file, grey in zip(files.values(), _shown(rows, whole_frames, threads), strict=True):
        file.write_bytes(jpeg(grey, WIDTH_PX))
    addresses = {name: f"{quote(folder.name)}/{quote(file.name)}" for name, file in files.items()}
    return addresses, addresses


def picture_name(image_name: str) -> str:
    """The file name of an image's picture, without separators; the end of a very long name becomes a digest."""
    encoded = quote(image_name, safe=" #")
    if len(encoded) > _LONGEST_NAME:
        encoded = f"{encoded[: _LONGEST_NAME - 17]}~{digest(image_name)}"
    return f"{encoded}.jpg"


def _shown(rows: pd.DataFrame, whole_frames: bool, threads: int) -> Iterator[np.ndarray]:
    """What is seen of each image, in order."""

    def show(row: dict, *points: np.ndarray) -> np.ndarray:
        image = image_of(row)
        grey = read_grey(image)
        heads = [head for head in (DrawnHead(one, "prediction") for one in points) if head]
        return surroundings(grey, heads) if is_dicom(image.path) and not whole_frames else grey

    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(show, rows.to_dict("records"), points_of(rows), points_of(rows, "second_"))


def _embedded(encoded: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(encoded).decode()}"
