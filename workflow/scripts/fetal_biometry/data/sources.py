"""Every image of a run: the dataset's, then the unlabelled ones of ``images``."""

from __future__ import annotations

from pathlib import Path

from fetal_biometry.configuration import Config
from fetal_biometry.data.formats import FORMATS
from fetal_biometry.data.source import (
    NAME_COLUMN,
    OPTIONAL_COLUMNS,
    PIXEL_SIZE_COLUMNS,
    Source,
    collect,
    read_pixel_sizes,
    refuse_other_names,
    usable,
    with_facts,
)
from fetal_biometry.errors import InputError, refuse_if_all_bad
from fetal_biometry.images.image_ref import ImageRef, file_of, list_folder, list_frames
from fetal_biometry.names import composed, on_disk
from fetal_biometry.tables import OTHER_TABLES, Row, read_table


def list_sources(config: Config, drawn: Path) -> list[Source]:
    """Every image of a run; ``drawn`` is the folder of the images that the workflow draws itself.

    Raises
    ------
    InputError
        A missing folder, table, column or image; a bad number; two images of one name. Under
        ``on_bad_image: quarantine`` what concerns one image alone is that source's ``problem`` instead.
    """
    sources = FORMATS[config.data](config, drawn)
    if config.images:
        sources += _list_unlabelled(config)
    if not sources:
        raise InputError(f"dataset {config.data!r} has no image; set images=FOLDER or another dataset.")
    refuse_if_all_bad([source.problem for source in sources])
    seen: dict[str, Source] = {}
    for source in sources:
        if source.image_name in seen:
            other = seen[source.image_name].image.path
            raise InputError(f"{source.image.path}: another image has the same name ({other}); rename one.")
        seen[source.image_name] = source
    return sources


def _list_unlabelled(config: Config) -> list[Source]:
    """A folder of images, or a csv that names them (paths relative to the csv) with optional pixel sizes.

    What a folder holds beside images is listed, too, with the reason why it is passed over as its problem.
    """
    given = on_disk(Path(config.images))
    pixel_sizes = read_pixel_sizes(config) if config.data == "images" else {}
    passed_over: list[Source] = []
    if given.suffix.lower() in (".csv", *OTHER_TABLES):
        columns = {"path": ("path", *NAME_COLUMN), **PIXEL_SIZE_COLUMNS}
        rows = read_table(given, columns, optional=("image_name", "pixel_size_mm", *OPTIONAL_COLUMNS))
        files = [
            (row["image_name"] or Path(row["path"]).name, on_disk(given.parent / row["path"]), row) for row in rows
        ]
    elif given.is_file():
        files = [(composed(given.name), given, None)]
    else:
        files, passed_over = _in_folder(config, given)

    def sources_of(name: str, path: Path, row: Row | None) -> list[Source]:
        file, number = file_of(path)
        if row and not file.is_file():
            raise InputError(f"{row.place}: {file} does not exist; correct the path or remove the row.")
        sources = [Source(f"{name}{'' if number else image.suffix}", image) for image in list_frames(path)]
        return [with_facts(usable(source), pixel_sizes, row) for source in sources]

    sources = collect(config, files, sources_of)
    names = {source.image_name for source in sources} | {name for name, _, _ in files}
    refuse_other_names(pixel_sizes, names, given)
    return sources + passed_over


def _in_folder(config: Config, folder: Path) -> tuple[list[tuple[str, Path, None]], list[Source]]:
    """A folder's images, named by their path in it, and what else it holds, but for the table of pixel sizes."""
    listing = list_folder(folder, config.recursive)
    if not listing.images:
        raise listing.without_image(folder)
    table = Path(config.data_root, config.pixel_sizes) if isinstance(config.pixel_sizes, str) else None
    names = {path: composed(path.relative_to(folder).as_posix()) for path in (*listing.images, *listing.passed_over)}
    passed_over = [
        Source(names[path], ImageRef(path), problem=f"{path}: {reason}.")
        for path, reason in listing.passed_over.items()
        if not (table and table.is_file() and path.samefile(table))
    ]
    return [(names[path], path, None) for path in listing.images], passed_over
