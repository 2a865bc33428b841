"""Images of other hospitals, each of a known plane: heads, and planes without a head.

They train and judge the head-presence classifier, and show how a model measures elsewhere. No network is trained on
them.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from fetal_biometry.configuration import Config
from fetal_biometry.data.source import MissingData
from fetal_biometry.errors import InputError
from fetal_biometry.images.image_ref import ImageRef
from fetal_biometry.tables import read_table
from fetal_biometry.terms import COLUMNS, HEAD

PLANES = (HEAD, "abdomen", "femur", "thorax", "other")
_OPTIONAL = ("centre", "patient", "duplicate_of", "near_duplicate_of", "mask", "note", *COLUMNS)
_LEFT_OUT = ("do not count", "ambiguous")  # in a note: neither a head nor a plane without one
_NO_REFERENCE = "exclude"  # in a note: of its landmarks
CUT_OFF = Path(__file__).resolve().parents[4] / "datasets" / "cut_off_heads.csv"


@dataclass(frozen=True)
class Plane:
    """One image: its plane, the centre that it comes from, whether its head lies whole in the frame.

    ``references`` are independent truths of a head by kind: ``landmarks``, eight numbers, or ``mask``, an image.
    """

    image_name: str
    image: ImageRef
    plane: str
    centre: str
    patient: str
    whole: bool
    references: dict[str, tuple[float, ...] | Path]


def list_planes(config: Config) -> list[Plane]:
    """The images of every folder of the setting ``planes``: ``index.csv`` beside ``images/`` and perhaps ``masks/``.

    Repeated images, and those whose note says not to count them, are left out.

    Raises
    ------
    InputError
        A missing folder, table, column or image; an unknown plane; two images of one name.
    """
    if not config.planes:
        return []
    found: dict[str, Plane] = {}
    cut_off = {row["image_name"] for row in csv.DictReader(CUT_OFF.open(encoding="utf-8"))}
    for name in config.planes:
        folder = Path(config.data_root) / name
        if not (folder / "index.csv").is_file():  # also where a download was interrupted, which can then go on
            raise MissingData(
                f"{folder}: there are no planes with an index.csv; download them or give --config data_root=FOLDER."
            )
        for plane in _read_index(folder, cut_off):
            if plane.image_name in found:
                raise InputError(f"{plane.image.path}: another plane has the same name; rename one.")
            found[plane.image_name] = plane
    return sorted(found.values(), key=lambda plane: plane.image_name)


def _read_index(folder: Path, cut_off: set[str]) -> list[Plane]:
    columns = {column: (column,) for column in ("image_name", "plane", *_OPTIONAL)}
    planes = []
    for row in read_table(folder / "index.csv", columns, optional=_OPTIONAL):
        name, note = row["image_name"], row["note"].lower()
        if row["duplicate_of"] or row["near_duplicate_of"] or any(words in note for words in _LEFT_OUT):
            continue
        if row["plane"] not in PLANES:
            raise InputError(f"{row.place}: plane is {row['plane']!r}; give {', '.join(PLANES)}.")
        path = folder / "images" / name
        if not path.is_file():
            raise InputError(f"{row.place}: {path} does not exist; download it again or remove the row.")
        references: dict[str, tuple[float, ...] | Path] = {}
        if row["mask"]:
            references["mask"] = folder / "masks" / row["mask"]
        if all(row[column] for column in COLUMNS) and not note.startswith(_NO_REFERENCE):
            references["landmarks"] = tuple(row.number_in(column) for column in COLUMNS)
        centre = row["centre"] or folder.name
        patient = row["patient"] or name.partition("_")[0]
        planes.append(
            Plane(name, ImageRef(path), row["plane"], centre, f"{centre} {patient}", name not in cut_off, references)
        )
    return planes
