"""Labels of a table, or of an annotation tool's file, as sources; what is true of the table as a whole is settled."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from fetal_biometry.configuration import Config
from fetal_biometry.data.label_size import original_landmarks, refuse_labels_of_copies
from fetal_biometry.data.source import (
    Source,
    annotations_in,
    collect,
    existing_folder,
    read_pixel_sizes,
    refuse_other_names,
    usable,
    with_facts,
)
from fetal_biometry.errors import InputError, refuse_if_all_bad
from fetal_biometry.images.image_ref import ImageRef, file_of, list_folder, list_frames
from fetal_biometry.names import composed, on_disk
from fetal_biometry.tables import Row
from fetal_biometry.terms import LANDMARKS

UNPLACED = (math.nan, math.nan)  # the point of a shape that is no point, by whose name a label is refused
DIAMETERS = ("ofd", "ofd", "bpd", "bpd")  # names of points, or of lines, where both ends of a diameter have one


@dataclass(frozen=True)
class Label:
    """One image's label as a file has it.

    ``place`` says where it stands; ``landmarks`` are eight numbers, `terms.COLUMNS` order, None without a label;
    ``size`` is the width and height of the picture that they were set on, where the file says it; ``row`` holds what a
    table knows beside; ``source`` says where the label comes from, if not from the table's author; ``problem`` why it
    cannot be used.
    """

    image_name: str
    place: str
    landmarks: tuple[float, ...] | None = None
    size: tuple[int, int] | None = None
    row: Row | None = None
    source: str = ""
    problem: str = ""


def four_points(
    points: list[tuple[str, float, float]], names: list[str], image_name: str, place: str, size=None
) -> Label:
    """The label that named points make; without any point the image has none.

    Parameters
    ----------
    points : list of (name, x, y)
        Of points, lines' ends and outlines; of other shapes `UNPLACED`. Those of other names do not count beside a
        label.
    names : list of str
        Of the points for ``ofd_1``, ``ofd_2``, ``bpd_1`` and ``bpd_2``; signs, blanks and case do not count. A name
        that stands twice takes the points of that name in their order.
    image_name, place, size
        See `Label`.
    """
    label = Label(image_name, place, size=size)
    if not points:
        return label
    named: dict[str, list[tuple[float, float]]] = {}
    for name, x, y in points:
        named.setdefault(_plain(name), []).append((x, y))
    for wanted in ([_plain(name) for name in names], list(DIAMETERS)):
        if all(len(named.get(name, ())) == wanted.count(name) for name in wanted):
            ends = [named[name][wanted[:at].count(name)] for at, name in enumerate(wanted)]
            landmarks = tuple(float(number) for end in ends for number in end)
            if all(map(math.isfinite, landmarks)):
                return replace(label, landmarks=landmarks)
    found = ", ".join(sorted({name for name, _, _ in points})) or "points without a name"
    return replace(
        label,
        problem=f"{place}: one point each of {', '.join(names)} is wanted, and here are {len(points)}: {found}; "
        f"complete the label, or say what {', '.join(LANDMARKS)} are called: --config 'point_names=[..., ...]'.",
    )


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def list_labelled(config: Config, drawn: Path, read: Callable[[Path, Config], list[Label]]) -> list[Source]:
    """The images of a label table; where most labels call the long axis BPD, names are exchanged in all.

    Raises
    ------
    InputError
        A label without its image or the other way round, as it stands in the folder; two labels of one image; labels
        that were set on another picture.
    """
    folder, path = existing_folder(config), Path(config.data_root, config.landmark_table)
    labels = _by_name(read(path, config))
    references = {}
    if config.reference_folder:
        references = annotations_in(list_folder(Path(config.data_root, config.reference_folder)).images)
    present = {composed(path.name): path for path in folder.iterdir()}
    pixel_sizes = read_pixel_sizes(config)
    refuse_other_names(pixel_sizes, {*labels, *(str(file_of(name)[0]) for name in labels)}, folder)

    def source_of(name: str, path_in_folder: Path, label: Label) -> list[Source]:
        if label.problem:
            raise InputError(label.problem)
        image = ImageRef(present[name]) if name in present else _image_at(path_in_folder, label)
        landmarks = original_landmarks(label, image, config.label_size)
        known = {"reference": references.get(name), "label_source": label.source, "origin": str(path)}
        source = Source(name, image, landmarks, **known)
        return [with_facts(usable(source), pixel_sizes, label.row)]

    sources = collect(config, ((name, folder / name, label) for name, label in labels.items()), source_of)
    refuse_if_all_bad([source.problem for source in sources])
    labelled = [source for source in sources if source.labelled]
    if not labelled:
        raise InputError(f"{path}: no label in this file; mark the ends of both diameters and export it once more.")
    refuse_labels_of_copies(labelled, path)
    swapped = names_swapped([source.landmarks for source in labelled])
    said = "landmark table, names swapped" if swapped else "landmark table"

    def named(source: Source) -> Source:
        landmarks = swap_names(source.landmarks) if swapped else source.landmarks
        return replace(source, landmarks=landmarks, label_source=source.label_source or said)

    return [named(source) if source.labelled else source for source in sources]


def _image_at(path: Path, label: Label) -> ImageRef:
    """The image of a label whose name is no file's of the folder: ``cine.dcm#2``, or one in a subfolder."""
    file, number = file_of(path)
    file = on_disk(file)
    named = Path(label.image_name)
    if named.is_absolute() or ".." in named.parts or not file.is_file():
        raise InputError(f"{label.place}: {path} does not exist; add the image or remove the row.")
    if number is None:
        return ImageRef(file)
    try:
        (image,) = list_frames(f"{file}#{number}")
    except InputError as error:
        raise InputError(f"{label.place}: {error}") from None
    return image


def _by_name(labels: list[Label]) -> dict[str, Label]:
    named: dict[str, Label] = {}
    for label in labels:
        name = composed(label.image_name)
        if name in named:
            raise InputError(f"{label.place}: {named[name].place} labels {name} already; keep one of the two.")
        named[name] = label
    return named


def names_swapped(labels: list[tuple[float, ...]]) -> bool:
    """Whether a table calls the long axis BPD: whether most of its rows have BPD above OFD.

    Decided for the table as a whole: one row's order may be a slip, all rows' order is a habit.
    """
    longer = [math.dist(row[4:6], row[6:8]) > math.dist(row[0:2], row[2:4]) for row in labels]
    return sum(longer) > len(labels) / 2


def swap_names(label: tuple[float, ...]) -> tuple[float, ...]:
    """Eight coordinates with the two diameters exchanged."""
    return label[4:] + label[:4]
