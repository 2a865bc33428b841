"""One image as a dataset lists it, and the checks that every list shares.

Listing is cheap (names, tables, folder entries) and happens whenever the workflow is planned, without numpy, OpenCV or
torch. Opening images and annotations is left to jobs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from fetal_biometry.configuration import Config
from fetal_biometry.digests import FileIndex
from fetal_biometry.errors import InputError
from fetal_biometry.images.image_ref import ImageRef
from fetal_biometry.names import composed
from fetal_biometry.tables import FORMULA_MARKS, Row, index_by_name, read_table
from fetal_biometry.terms import LARGEST_PIXEL_MM, SMALLEST_PIXEL_MM, STATED

NAME_COLUMN = ("image_name", "filename", "image", "name")
PIXEL_SIZE_COLUMNS = {
    "image_name": NAME_COLUMN,
    "pixel_size_mm": ("pixel_size_mm", "pixel_size"),
    "reference_hc_mm": ("reference_hc_mm", "head_circumference_mm", "head_circumference", "hc_mm", "hc"),
    "reference_bpd_mm": ("reference_bpd_mm", "bpd_mm", "bpd"),
    "reference_ofd_mm": ("reference_ofd_mm", "ofd_mm", "ofd"),
    "gestational_age_weeks": ("gestational_age_weeks",),
}
OPTIONAL_COLUMNS = (*STATED, "gestational_age_weeks")
SAME_PIXEL = 0.02  # share by which two tables may differ
ANNOTATED = "_Annotation"  # with which an annotation's name ends, behind its image's


class MissingData(InputError):
    """A folder of the configuration is not there: wrong only if something needs it."""


@dataclass(frozen=True)
class Source:
    """One image as a dataset lists it.

    ``landmarks`` (eight numbers, `terms.COLUMNS` order, original pixels) or ``annotation`` (an image of the head's
    ellipse) hold its label, where it has one; ``origin`` says where the label stands, for messages; ``reference``,
    landmarks or an annotation too, is an independent truth that judges and never trains; ``gestational_age_weeks`` is
    by dates; ``recipe`` stands for the content of an image that the workflow draws itself, as long as a sha256;
    ``problem`` says why the image cannot be used.
    """

    image_name: str
    image: ImageRef
    landmarks: tuple[float, ...] | None = None
    annotation: Path | None = None
    reference: tuple[float, ...] | Path | None = None
    pixel_size_mm: float | None = None
    reference_bpd_mm: float | None = None
    reference_ofd_mm: float | None = None
    reference_hc_mm: float | None = None
    gestational_age_weeks: float | None = None
    label_source: str = ""
    origin: str = ""
    recipe: str = ""
    problem: str = ""

    @property
    def labelled(self) -> bool:
        return self.landmarks is not None or self.annotation is not None

    def sha256(self, index: FileIndex) -> str:
        """Stands for the image's content."""
        return self.recipe or index.sha256(self.image.path)


def examination_of(image_name: str, pattern: str, suffix: str = "") -> str:
    """The examination an image belongs to: the pattern's first group, or its file's name where that matches nothing.

    ``suffix`` is what distinguishes a frame's name from its file's, see `ImageRef.suffix`.
    """
    match = re.match(pattern, image_name)
    return (match and match.group(1)) or image_name.removesuffix(suffix)


def collect(config: Config, found: Iterable[tuple], make: Callable[..., list[Source]]) -> list[Source]:
    """The sources that ``make`` gives for each ``(name, path, ...)``.

    Where it refuses one and the run goes on, that one has the refusal as its problem.
    """
    sources = []
    for name, path, *more in found:
        try:
            sources += make(name, path, *more)
        except InputError as error:
            if config.on_bad_image == "stop":
                raise
            sources.append(Source(name, ImageRef(path), problem=str(error)))
    return sources


def usable(source: Source) -> Source:
    """The source, if its name can stand in any table, and its file and annotations are files that may be read."""
    name, file = source.image_name, source.image.path
    if not name.isprintable():
        raise InputError(f"{file.parent}: the name {name!r} holds control characters; rename the image.")
    if name.startswith(FORMULA_MARKS):
        raise InputError(f"{file}: a spreadsheet would take the name {name!r} for a formula; rename the image.")
    for path in (one for one in (file, source.annotation, source.reference) if isinstance(one, Path)):
        if not os.path.isfile(path):
            raise InputError(f"{path}: a folder or a broken link, not an image; replace or remove it.")
        if not os.access(path, os.R_OK):
            raise InputError(f"{path}: no permission to read this file; change its permissions or remove it.")
    return source


def existing_folder(config: Config) -> Path:
    """The dataset's image folder."""
    folder = Path(config.data_root, config.image_folder)
    if not folder.is_dir():
        raise MissingData(
            f"{folder}: the image folder does not exist; give --config data_root=FOLDER, or change image_folder."
        )
    return folder


def read_pixel_sizes(config: Config) -> dict[str, Row]:
    """Rows with a pixel size (and what else they know) by image name; a plain number counts for every image."""
    given = config.pixel_sizes
    if given == "":
        return {}
    if isinstance(given, float):
        values = {"pixel_size_mm": str(given), **dict.fromkeys(OPTIONAL_COLUMNS, "")}
        return {"": Row(values, Path("the configuration's pixel_sizes"), 1)}
    return index_by_name(read_table(Path(config.data_root, given), PIXEL_SIZE_COLUMNS, OPTIONAL_COLUMNS))


def refuse_other_names(pixel_sizes: dict[str, Row], names: set[str], folder: Path) -> None:
    """No row names an image: the table is another dataset's, or spells names otherwise. Rows too many are fine."""
    if names and pixel_sizes and not pixel_sizes.keys() & {"", *names}:
        raise InputError(
            f"{next(iter(pixel_sizes.values())).place}: no row of this table names an image of {folder}, such as "
            f"{min(names)}; correct image_name, or leave pixel_sizes out."
        )


def with_facts(source: Source, pixel_sizes: dict[str, Row], own: Row | None = None) -> Source:
    """The source with its pixel size, stated lengths and gestational age, each from the first row that knows it.

    That is the image's ``own`` row, where a table lists the images, then those of ``pixel_sizes`` of its name, of its
    file's, where several images share one, and of all.
    """
    names = source.image_name, source.image_name.removesuffix(source.image.suffix), ""
    rows = [row for row in (own, *map(pixel_sizes.get, names)) if row is not None]

    def fact(column: str, minimum: float = float("-inf")) -> tuple[Row | None, float | None]:
        row = next((row for row in rows if row[column]), None)
        return row, row and row.number_in(column, minimum)

    row, size = fact("pixel_size_mm")
    if size is not None and not SMALLEST_PIXEL_MM <= size <= LARGEST_PIXEL_MM:
        raise InputError(
            f"{row.place}: a pixel of {size:g} mm is impossible in ultrasound (0.05 to 0.5 mm is usual); give "
            "millimetres."
        )
    other = pixel_sizes.get(source.image_name)
    if row is own and other and other["pixel_size_mm"]:
        said = other.number_in("pixel_size_mm")
        if abs(said / size - 1) > SAME_PIXEL:
            raise InputError(f"{row.place}: a pixel of {size:g} mm, but {other.place} says {said:g} mm; correct one.")
    row, age = fact("gestational_age_weeks", 4)
    if age is not None and age > 45:
        raise InputError(f"{row.place}: no pregnancy lasts {age:g} weeks; give gestational_age_weeks in weeks.")
    stated = {column: fact(column, 1)[1] for column in STATED}
    return replace(source, pixel_size_mm=size, gestational_age_weeks=age, **stated)


def annotations_in(files) -> dict[str, Path]:
    """Annotation images by the name of the image that each belongs to."""
    return {composed(path.name).replace(ANNOTATED, ""): path for path in files if path.stem.endswith(ANNOTATED)}
