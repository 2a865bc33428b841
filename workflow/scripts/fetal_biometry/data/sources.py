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
    read_pixel_sizes,
    refuse_other_names,
    unless_bad,
    usable,
    with_facts,
)
from fetal_biometry.errors import InputError, refuse_if_all_bad
from fetal_biometry.images.image_ref import find_images, list_frames
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
    if config.data not in FORMATS:
        raise InputError(f"dataset is {config.data!r}; give auto, {', '.join(FORMATS)}.")
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
    """A folder of images, or a csv that names them (paths relative to the csv) with optional pixel sizes."""
    given = on_disk(Path(config.images))
    pixel_sizes = read_pixel_sizes(config) if config.data == "images" else {}
    if given.suffix.lower() in (".csv", *OTHER_TABLES):
        columns = {"path": ("path", *NAME_COLUMN), **PIXEL_SIZE_COLUMNS}
        rows = read_table(given, columns, optional=("image_name", "pixel_size_mm", *OPTIONAL_COLUMNS))
        files = [(row["image_name"], on_disk(given.parent / row["path"]), row) for row in rows]
    else:
        files = [("", path, None) for path in ([given] if given.is_file() else find_images(given))]

    def sources_of(name: str, path: Path, row: Row | None) -> list[Source]:
        if row and not path.is_file():
            raise InputError(f"{row.place}: {path} does not exist; correct the path or remove the row.")
        images = [Source(f"{name}{image.suffix}", image) for image in list_frames(path)]
        return [with_facts(usable(source), pixel_sizes, row) for source in images]

    sources = []
    for given_name, path, row in files:
        name = given_name or path.name
        sources += unless_bad(config, name, path, sources_of, name, path, row)
    names = {source.image_name for source in sources} | {name or composed(path.name) for name, path, _ in files}
    refuse_other_names(pixel_sizes, names, given)
    return sources
