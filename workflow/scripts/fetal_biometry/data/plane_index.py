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

    Commas or semicolons separate the columns; names of columns count without case and blanks around.

    Raises
    ------
    InputError
        When a column is missing, a name stands twice, or a plane is not known.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            separator = ";" if ";" in file.readline() else ","
        cells = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{path}: not a csv file in UTF-8 ({error}); remove it and download it again.") from error
    named = {str(column).strip().lower(): column for column in cells.columns}
    missing = [column for column in table.columns.values() if column.lower() not in named]
    if missing:
        raise InputError(
            f"{path}: no column {', '.join(missing)} in its header ({', '.join(map(str, cells.columns))}); "
            "this is not the published table."
        )
    known = {name: cells[named[column.lower()]].str.strip() for name, column in table.columns.items()}
    rows = pd.DataFrame(known).reindex(columns=["image", *COLUMNS[1:-1]], fill_value="")
    rows["image_name"] = rows["image"].where(rows["image"].str.lower().str.endswith(".png"), rows["image"] + ".png")
    rows["archive_plane"], rows["plane"] = rows["plane"], rows["plane"].str.lower().map(PLANES)
    if table.centre:
        rows["centre"] = table.centre
    _refuse_bad_rows(path, rows)
    return rows.drop(columns="image").sort_values("image_name", ignore_index=True)


def _refuse_bad_rows(path: Path, rows: pd.DataFrame) -> None:
    leaves = rows["image_name"].str.contains(r"[/\\]") | rows["centre"].str.contains(r"[/\\.]")
    problems = {
        "names a file in another folder": leaves,
        "stands twice": rows["image_name"].duplicated(),
        "shows a plane that is not known": rows["plane"].isna(),
    }
    for problem, where in problems.items():
        if where.any():
            name, word = rows.loc[where, ["image_name", "archive_plane"]].iloc[0]
            raise InputError(
                f"{path}, row {where.idxmax() + 2} ({name}, {word}): it {problem}; this is not the published table."
            )
