"""``index.csv`` of an archive of planes: which image shows a head, and which something else."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import pandas as pd

from fetal_biometry.data.archives import PlaneTable
from fetal_biometry.digests import sha256_of
from fetal_biometry.errors import InputError
from fetal_biometry.frames import write_frame
from fetal_biometry.tables import read_table

INDEX = "index.csv"
PLANES = {  # of the archives' words
    "fetal brain": "head",
    "fetal abdomen": "abdomen",
    "fetal femur": "femur",
    "fetal thorax": "thorax",
    "maternal cervix": "other",
    "other": "other",
}
COLUMNS = (
    "image_name", "plane", "centre", "patient", "us_machine", "archive_plane", "brain_plane", "duplicate_of",
)  # fmt: skip


def write_index(table: PlaneTable, unpacked: Path, folder: Path) -> None:
    """Move an archive's images into ``images/`` of a folder, and write its ``index.csv`` last.

    ``archive_plane`` and ``brain_plane`` are the archive's own words, ``plane`` ours. ``duplicate_of`` names the first
    image, by name, with equal bytes. Patients are counted anew in each centre. ``unpacked`` is removed; a call that was
    interrupted can be repeated.

    Raises
    ------
    InputError
        When the archive lacks its table, a column of it or an image, or calls a plane by a word that is not known.
    """
    found = sorted(path for path in unpacked.rglob(table.file) if path.is_file())
    if not found:
        raise InputError(f"{unpacked}: there is no {table.file}; remove the folder and run the download again.")
    rows = read_planes(found[0], table)
    images = folder / "images"
    images.mkdir(exist_ok=True)
    for image, centre in zip(rows["image_name"], rows["centre"], strict=True):
        place = found[0].parent / table.image_path.format(image=image, centre=centre)
        if place.is_file():
            os.replace(place, images / image)
        elif not (images / image).is_file():  # of an interrupted call it is there
            raise InputError(f"{found[0]}: its image {place} does not exist; remove {unpacked} and download it again.")
    digests = pd.Series([sha256_of(images / image) for image in rows["image_name"]], rows.index)
    first = rows.groupby(digests)["image_name"].transform("first")
    rows["duplicate_of"] = first.where(first != rows["image_name"], "")
    write_frame(rows[list(COLUMNS)], folder / INDEX)
    shutil.rmtree(unpacked)
    logging.info("%s: %s", folder / INDEX, rows["plane"].value_counts().to_dict())


def read_planes(path: Path, table: PlaneTable) -> pd.DataFrame:
    """The rows of an archive's table by image name, with the columns of ``index.csv`` but for ``duplicate_of``.

    Raises
    ------
    InputError
        As of `tables.read_table`; a name that stands twice or lies in another folder, a plane that is not known.
    """
    found: dict[str, dict[str, str]] = {}
    columns = {name: (column,) for name, column in table.columns.items()}
    for row in read_table(path, columns, separator=table.separator):
        name = f"{row['image'].removesuffix('.png')}.png"
        centre = table.centre or row["centre"]
        problem = None
        if set(name) & set("/\\") or set(centre) & set("/\\."):
            problem = "names a file in another folder"
        elif name in found:
            problem = "stands twice"
        elif row["plane"].lower() not in PLANES:
            problem = f"shows a plane that is not known, {row['plane']!r}"
        if problem:
            raise InputError(f"{row.place}: it {problem}; this is not the published table.")
        facts = {"image_name": name, "centre": centre, "archive_plane": row["plane"]}
        found[name] = {**row, **facts, "plane": PLANES[row["plane"].lower()]}
    rows = pd.DataFrame(found.values()).reindex(columns=COLUMNS[:-1], fill_value="")
    return rows.sort_values("image_name", ignore_index=True)
