"""Adapters from the data people have to one list of sources, and from a source to its manifest row.

Listing is cheap (names, tables, folder entries) and happens whenever the workflow is planned; opening images
and annotations is left to the rule that writes the manifest.
"""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fetal_biometry.digests import FileIndex, digest
from fetal_biometry.errors import InputError
from fetal_biometry.images.image_ref import find_images, list_frames
from fetal_biometry.model.landmarks import COLUMNS, REFERENCE_COLUMNS, canonical, swap_names
from fetal_biometry.tables import FORMULA_MARKS, Row, as_text, index_by_name, read_table

NAME_COLUMN = ("image_name", "filename", "image", "name")
PIXEL_SIZE_COLUMNS = {
    "image_name": NAME_COLUMN,
    "pixel_size_mm": ("pixel_size_mm", "pixel size(mm)", "pixel_size"),
    "reference_hc_mm": ("reference_hc_mm", "head circumference (mm)"),
    "gestational_age_weeks": ("gestational_age_weeks",),
}
SMALLEST_PIXEL_MM, LARGEST_PIXEL_MM = 0.02, 2  # beyond, the number is in another unit
ANNOTATED = "_Annotation"  # with which an annotation's name ends, behind its image's
OPTIONAL_COLUMNS = ("reference_hc_mm", "gestational_age_weeks")


@dataclass(frozen=True)
class Source:
    """One image as a dataset lists it.

    ``landmarks`` (eight numbers, `landmarks.COLUMNS` order, original pixels) or ``annotation`` (an image of
    the head's ellipse) hold its label, where it has one; ``origin`` says where the label stands, for messages;
    ``reference``, landmarks or an annotation too, is an independent truth that judges and never trains;
    ``gestational_age_weeks`` is by dates; ``recipe`` stands for the content of an image that the workflow draws itself;
    ``frame`` is what `files.list_frames` adds to the path of an image that shares its file with others; ``problem``
    says why the image is put aside, where it is.
    """

    image_name: str
    path: Path
    landmarks: tuple[float, ...] | None = None
    annotation: Path | None = None
    reference: tuple[float, ...] | Path | None = None
    pixel_size_mm: float | None = None
    reference_hc_mm: float | None = None
    gestational_age_weeks: float | None = None
    label_source: str = ""
    origin: str = ""
    recipe: str = ""
    frame: str = ""
    problem: str = ""

    @property
    def location(self) -> str:
        """What `images.read_grey` reads."""
        return f"{self.path}{self.frame}"

    @property
    def labelled(self) -> bool:
        return self.landmarks is not None or self.annotation is not None

    def image_digest(self, index: FileIndex) -> str:
        """Stands for the image's content."""
        content = self.recipe or index.sha256(self.path)
        return digest(content, self.frame) if self.frame else content

    def label_digest(self, index: FileIndex) -> str:
        """Stands for the label and what turns its pixels into millimetres, which training tells its errors in."""
        annotation = index.sha256(self.annotation) if self.annotation else None
        return digest(self.landmarks, annotation, self.pixel_size_mm)

    def reference_digest(self, index: FileIndex) -> str:
        """Stands for the independent reference."""
        return index.sha256(self.reference) if isinstance(self.reference, Path) else digest(self.reference)


def list_sources(settings: dict, phantom_folder) -> list[Source]:
    """Every image of a run: the dataset's, then the unlabelled ones of ``images``.

    Parameters
    ----------
    settings : dict
        The validated configuration.
    phantom_folder : path
        Where the workflow draws phantoms.

    Raises
    ------
    InputError
        A missing folder, table, column or image; a bad number; two images of one name. Under
        ``on_bad_image: quarantine`` what concerns one image alone is that source's ``problem`` instead.
    """
    sources = {
        "phantom": lambda: _list_phantoms(settings, Path(phantom_folder)),
        "challenge": lambda: _list_landmark_table(settings),
        "hc18": lambda: _list_annotated_folder(settings),
        "images": list,
    }[settings["dataset"]]()
    if settings["images"]:
        sources += _list_unlabelled(settings)
    if not sources:
        raise InputError(f"dataset {settings['dataset']!r} has no image; set images=FOLDER or another dataset.")
    refuse_if_all_bad([source.problem for source in sources])
    seen: dict[str, Source] = {}
    for source in sources:
        if source.image_name in seen:
            raise InputError(
                f"{source.path}: another image has the same name ({seen[source.image_name].path}); rename one."
            )
        seen[source.image_name] = source
    return sources


def refuse_if_all_bad(problems: list[str]) -> None:
    """InputError where each image has a problem, whatever the policy: nothing is left to go on with."""
    if all(problems):
        raise InputError(f"{problems[0]} It is one of {len(problems)} images, and none can be used.")


def bad_images_stop(settings: dict) -> bool:
    """Whether an image that is wrong ends the run; else it is put aside."""
    return settings["on_bad_image"] == "stop"


def _attempt(settings: dict, make, *arguments):
    """What ``make`` gives; where it refuses and the run goes on without bad images, the reason, a text."""
    try:
        return make(*arguments)
    except InputError as error:
        if bad_images_stop(settings):
            raise
        return str(error)


def _unless_bad(settings: dict, name: str, path: Path, make, *arguments) -> list[Source]:
    """The sources that ``make`` gives; where it refuses and the run goes on, one with the refusal as its problem."""
    made = _attempt(settings, make, *arguments)
    return [Source(name, path, problem=made)] if isinstance(made, str) else made


def examination_of(image_name: str, pattern: str) -> str:
    """The examination an image belongs to: the pattern's first group, or the name where that matches nothing."""
    match = re.match(pattern, image_name)
    return (match and match.group(1)) or image_name


def describe_source(source: Source, settings: dict, index: FileIndex) -> dict:
    """A source's manifest row; opens the image's header and its annotation.

    Raises
    ------
    InputError
        An unreadable image or annotation, or a landmark far outside the image.
    """
    from fetal_biometry.images.raster import (  # the plan imports this module, and no imaging library
        image_size,
        pixel_sizes_in,
    )

    width, height = image_size(source.location)
    regions = pixel_sizes_in(source.location) if source.pixel_size_mm is None else ()
    row = {
        "image_name": source.image_name,
        "path": source.location,
        "sha256": index.sha256(source.path),
        "width_px": width,
        "height_px": height,
        "pixel_size_mm": source.pixel_size_mm,
        "calibrated_regions": format_regions(regions),
        "examination": examination_of(source.image_name, settings["examination_pattern"]),
        **dict.fromkeys(COLUMNS),
        "reference_hc_mm": source.reference_hc_mm,
        "gestational_age_weeks": source.gestational_age_weeks,
        "label_source": source.label_source,
        **dict.fromkeys(REFERENCE_COLUMNS),
    }
    if source.reference is not None:
        row.update(
            zip(REFERENCE_COLUMNS, _points(source, source.reference, (width, height)).ravel().tolist(), strict=True)
        )
    if source.labelled:
        points = _points(source, source.annotation or source.landmarks, (width, height))
        _refuse_far_points(points, width, height, source, settings["outside_tolerance"])
        row.update(zip(COLUMNS, points.ravel().tolist(), strict=True))
    return row


def describe_sources(sources: list[Source], settings: dict, index: FileIndex) -> tuple[list[dict], list[dict]]:
    """Manifest rows of the sources, and of those put aside ``image_name``, ``path`` and the ``reason``.

    Under ``on_bad_image: quarantine`` images are decoded, too, so that no later stage meets one that it cannot read.

    Raises
    ------
    InputError
        As of `describe_source`, unless images are put aside; always when none is left.
    """
    from fetal_biometry.images.raster import read_grey

    def describe(source):
        row = describe_source(source, settings, index)
        if not bad_images_stop(settings) and not source.recipe:
            read_grey(source.location)
        return row

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda source: source.problem or _attempt(settings, describe, source), sources))
    refuse_if_all_bad([row if isinstance(row, str) else "" for row in found])
    aside = [
        {"image_name": as_text(source.image_name), "path": as_text(source.location), "reason": as_text(row)}
        for source, row in zip(sources, found, strict=True)
        if isinstance(row, str)
    ]
    return [row for row in found if not isinstance(row, str)], aside


def format_regions(regions) -> str:
    """Calibrated regions, see `dicom.calibrated_regions`, as a cell of the manifest: numbers, with ``;`` in between.

    Examples
    --------
    >>> format_regions([[0, 0, 799, 539, 0.1, 0.12]])
    '0 0 799 539 0.1 0.12'
    """
    return ";".join(" ".join(f"{number:.12g}" for number in region) for region in regions)


def parse_regions(text: str) -> np.ndarray:
    """What `format_regions` wrote, (R, 6)."""
    return np.array([region.split() for region in text.split(";")], dtype=float)


def _under_root(settings: dict, path: str) -> Path:
    return Path(settings["data_root"]) / path


def _list_phantoms(settings: dict, folder: Path) -> list[Source]:
    from fetal_biometry.data import phantom
    from fetal_biometry.model.geometry import all_lengths

    plans = phantom.plan_phantoms(settings["phantom_count"], settings["phantom_seed"])
    truth = phantom.true_landmarks(plans)
    share = settings["phantom_bad_labels"]
    labels, swapped = _unswapped(phantom.spoil_labels(plans, truth, share) if share else truth)
    source = "spoilt labels, names swapped" if swapped else "phantom's own ellipse"
    return [
        Source(
            image_name=plan.image_name,
            path=folder / plan.image_name,
            landmarks=tuple(label.ravel().tolist()),
            reference=tuple(points.ravel().tolist()) if share else None,
            pixel_size_mm=plan.pixel_size_mm,
            reference_hc_mm=float(all_lengths(points)[2] * plan.pixel_size_mm),
            label_source=source,
            origin=f"the phantom generator, {plan.image_name}",
            recipe=digest(repr(plan)),
        )
        for plan, points, label in zip(plans, truth, labels, strict=True)
    ]


def _list_landmark_table(settings: dict) -> list[Source]:
    """The challenge's format: one table of eight coordinates a row, one image folder."""
    folder = _existing_folder(settings)
    columns = {"image_name": NAME_COLUMN, **{column: (column,) for column in COLUMNS}}
    table = index_by_name(read_table(_under_root(settings, settings["landmark_table"]), columns))
    references = _list_references(settings)
    present = {path.name for path in folder.iterdir()}
    pixel_sizes = _read_pixel_sizes(settings)
    _refuse_other_names(pixel_sizes, set(table), folder)

    def source_of(name, row):
        if name not in present:
            raise InputError(f"{row.place}: {folder / name} does not exist; add the image or remove the row.")
        landmarks = tuple(row.number_in(column) for column in COLUMNS)
        source = Source(name, folder / name, landmarks, reference=references.get(name), origin=row.place)
        return [_with_facts(_usable(source), pixel_sizes)]

    sources = []
    for name, row in table.items():
        sources += _unless_bad(settings, name, folder / name, source_of, name, row)
    labelled = [source for source in sources if source.labelled]
    points, swapped = _unswapped(np.reshape([source.landmarks for source in labelled], (-1, 4, 2)))
    label = "landmark table, names swapped" if swapped else "landmark table"
    ordered = {source.image_name: tuple(ends.ravel().tolist()) for source, ends in zip(labelled, points, strict=True)}
    return [
        replace(source, landmarks=ordered[source.image_name], label_source=label) if source.labelled else source
        for source in sources
    ]


def _unswapped(points: np.ndarray) -> tuple[np.ndarray, bool]:
    """A table's points with the names put right and in canonical order, and whether they had to be."""
    swapped = names_swapped(points)
    return canonical(swap_names(points) if swapped else points), swapped


def _list_references(settings: dict) -> dict[str, Path]:
    """Annotation images by the name of their image, where a folder of them is given as independent reference."""
    if not settings["reference_folder"]:
        return {}
    return _annotations(find_images(_under_root(settings, settings["reference_folder"])))


def _annotations(files) -> dict[str, Path]:
    """Annotation images by the name of the image that each belongs to."""
    return {path.name.replace(ANNOTATED, ""): path for path in files if path.stem.endswith(ANNOTATED)}


def names_swapped(points: np.ndarray) -> bool:
    """Whether a table calls the long axis BPD: whether most of its (N, 4, 2) rows have BPD above OFD.

    Decided for the table as a whole: one row's order may be a slip, all rows' order is a habit.
    """
    from fetal_biometry.model.geometry import head_lengths

    bpd, ofd = head_lengths(points)
    return bool((bpd > ofd).sum() > len(points) / 2)


def _list_annotated_folder(settings: dict) -> list[Source]:
    """HC18's format: ``NAME.png`` beside ``NAME_Annotation.png``; without an annotation an image is unlabelled."""
    folder = _existing_folder(settings)
    files = {path.name: path for path in find_images(folder)}
    annotations = _annotations(files.values())
    images = {name: path for name, path in files.items() if path not in annotations.values()}
    pixel_sizes = _read_pixel_sizes(settings)

    def source_of(name, path):
        annotation = annotations.get(name)
        label = {"annotation": annotation, "label_source": "annotation ellipse", "origin": str(annotation)}
        return [_with_facts(_usable(Source(name, path, **(label if annotation else {}))), pixel_sizes)]

    sources = []
    for name, path in images.items():
        sources += _unless_bad(settings, name, path, source_of, name, path)
    missing = [row for name, row in pixel_sizes.items() if name and name not in images]
    if missing and bad_images_stop(settings):
        raise InputError(
            f"{missing[0].place}: no such image in {folder} ({len(missing)} of {len(pixel_sizes)} rows lack theirs); "
            "add the images or remove the rows."
        )
    sources += [
        Source(row["image_name"], folder / row["image_name"], problem=f"{row.place}: no such image in {folder}.")
        for row in missing
    ]
    known = {source.image_name for source in sources}
    for name, path in annotations.items():
        if name not in known:
            sources += _unless_bad(settings, path.name, path, _refuse_orphan, path, name)
    return sources


def _refuse_orphan(annotation: Path, image_name: str):
    raise InputError(f"{annotation}: its image, {image_name}, is not there; add it or remove the annotation.")


def _list_unlabelled(settings: dict) -> list[Source]:
    """A folder of images, or a csv that names them (paths relative to the csv) with optional pixel sizes."""
    given = Path(settings["images"])
    pixel_sizes = _read_pixel_sizes(settings) if settings["dataset"] == "images" else {}
    listed = given.suffix.lower() == ".csv"
    if listed:
        columns = {"path": ("path", *NAME_COLUMN), **PIXEL_SIZE_COLUMNS}
        rows = read_table(given, columns, optional=("image_name", "pixel_size_mm", *OPTIONAL_COLUMNS))
        files = [(row["image_name"], given.parent / row["path"], row) for row in rows]
    else:
        files = [("", path, None) for path in ([given] if given.is_file() else find_images(given))]

    def sources_of(name, path, row):
        if row and not path.is_file():
            raise InputError(f"{row.place}: {path} does not exist; correct the path or remove the row.")
        return [_with_facts(_usable(source), pixel_sizes, row) for source in _list_frames(name, path)]

    sources = []
    for given_name, path, row in files:
        name = given_name or path.name
        sources += _unless_bad(settings, name, path, sources_of, name, path, row)
    frames = {source.image_name for source in sources}
    _refuse_other_names(pixel_sizes, frames | {name or path.name for name, path, _ in files}, given)
    return sources


def _list_frames(image_name: str, path: Path) -> list[Source]:
    """A file's images: one, or the frames of a DICOM file, each with its number behind the name."""
    frames = [location.removeprefix(str(path)) for location in list_frames(path)]
    return [Source(f"{image_name}{frame}", path, frame=frame) for frame in frames]


def _usable(source: Source) -> Source:
    """The source, if its name can stand in any table, and its file and annotation are files that may be read."""
    name = source.image_name
    if not name.isprintable():
        raise InputError(f"{source.path.parent}: the name {name!r} holds control characters; rename the image.")
    if name.startswith(FORMULA_MARKS):
        raise InputError(f"{source.path}: a spreadsheet would take the name {name!r} for a formula; rename the image.")
    for path in filter(None, (source.path, source.annotation)):
        if not os.path.isfile(path):
            raise InputError(f"{path}: a folder or a broken link, not an image; replace or remove it.")
        if not os.access(path, os.R_OK):
            raise InputError(f"{path}: the file may not be read; change its permissions or remove it.")
    return source


def _existing_folder(settings: dict) -> Path:
    folder = _under_root(settings, settings["image_folder"])
    if not folder.is_dir():
        raise InputError(
            f"{folder}: the image folder does not exist; give --config data_root=FOLDER, or change image_folder."
        )
    return folder


def _read_pixel_sizes(settings: dict) -> dict[str, Row]:
    """Rows with a pixel size (and what else they know) by image name; a plain number counts for every image."""
    given = settings["pixel_sizes"]
    if given == "" or isinstance(given, (int, float)):
        values = {"pixel_size_mm": str(given), **dict.fromkeys(OPTIONAL_COLUMNS, "")}
        fixed = Row(values, Path("the configuration's pixel_sizes"), 1)
        return {"": fixed} if given else {}
    return index_by_name(read_table(_under_root(settings, given), PIXEL_SIZE_COLUMNS, OPTIONAL_COLUMNS))


def _refuse_other_names(pixel_sizes: dict[str, Row], names: set[str], folder: Path) -> None:
    """No row names an image: the table is another dataset's, or spells names otherwise. Rows too many are fine."""
    if names and pixel_sizes and not pixel_sizes.keys() & {"", *names}:
        raise InputError(
            f"{next(iter(pixel_sizes.values())).place}: no row of this table names an image of {folder}, such as "
            f"{min(names)}; correct image_name, or leave pixel_sizes out."
        )


def _with_facts(source: Source, pixel_sizes: dict[str, Row], own: Row | None = None) -> Source:
    """The source with its pixel size, stated HC and gestational age, each from the first row that knows it.

    That is the image's ``own`` row, where a table lists the images, then those of ``pixel_sizes`` of its name, of its
    file's, where several images share one, and of all.
    """
    names = source.image_name, source.image_name.removesuffix(source.frame), ""
    rows = [row for row in (own, *map(pixel_sizes.get, names)) if row is not None]

    def fact(column: str, minimum: float = -np.inf) -> tuple[Row | None, float | None]:
        row = next((row for row in rows if row[column]), None)
        return row, row and row.number_in(column, minimum)

    row, size = fact("pixel_size_mm")
    if size is not None and not SMALLEST_PIXEL_MM <= size <= LARGEST_PIXEL_MM:
        raise InputError(
            f"{row.place}: a pixel of {size:g} mm is no ultrasound image's (0.05 to 0.5 mm is usual); give millimetres."
        )
    row, age = fact("gestational_age_weeks", 4)
    if age is not None and age > 45:
        raise InputError(f"{row.place}: no pregnancy lasts {age:g} weeks; give gestational_age_weeks in weeks.")
    _, hc = fact("reference_hc_mm", 1)
    return replace(source, pixel_size_mm=size, reference_hc_mm=hc, gestational_age_weeks=age)


def _points(source: Source, label, size: tuple[int, int]) -> np.ndarray:
    """Landmarks (4, 2) of a label: eight numbers, or the path of an annotation image."""
    if not isinstance(label, Path):
        return np.reshape(label, (4, 2))
    from fetal_biometry.images.raster import image_size, read_grey
    from fetal_biometry.model.geometry import fit_annotation

    width, height = image_size(label)
    if (width, height) != size:
        raise InputError(
            f"{label}: {width}x{height} pixels, but its image {source.path} has {size[0]}x{size[1]}; give the "
            "annotation of this image."
        )
    try:
        return fit_annotation(read_grey(label))
    except ValueError as error:
        raise InputError(f"{label}: {error}; redraw or remove the annotation.") from error


def _refuse_far_points(points, width, height, source, tolerance) -> None:
    margin = tolerance * np.array([width, height])
    outside = ((points < -margin) | (points > np.array([width - 1, height - 1]) + margin)).any(axis=1)
    if outside.any():
        x, y = points[outside][0]
        raise InputError(
            f"{source.origin}: a landmark at ({x:.1f}, {y:.1f}) lies far outside the image of {width}x{height} pixels; "
            "correct or remove the label (columns in the wrong order or a resized image's coordinates look like this)."
        )
