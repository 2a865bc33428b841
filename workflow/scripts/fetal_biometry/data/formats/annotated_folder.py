"""HC18's format: ``NAME.png`` beside ``NAME_Annotation.png``; without an annotation an image is unlabelled."""

from __future__ import annotations

from pathlib import Path

from fetal_biometry.configuration import Config
from fetal_biometry.data.source import (
    Source,
    annotations_in,
    bad_images_stop,
    existing_folder,
    read_pixel_sizes,
    unless_bad,
    usable,
    with_facts,
)
from fetal_biometry.errors import InputError
from fetal_biometry.images.image_ref import ImageRef, find_images
from fetal_biometry.names import composed


def list_annotated_folder(config: Config, drawn: Path) -> list[Source]:
    """The folder's images with their annotations."""
    folder = existing_folder(config)
    files = {composed(path.name): path for path in find_images(folder)}
    annotations = annotations_in(files.values())
    images = {name: path for name, path in files.items() if path not in annotations.values()}
    pixel_sizes = read_pixel_sizes(config)

    def source_of(name: str, path: Path) -> list[Source]:
        annotation = annotations.get(name)
        label = {"annotation": annotation, "label_source": "annotation ellipse", "origin": str(annotation)}
        return [with_facts(usable(Source(name, ImageRef(path), **(label if annotation else {}))), pixel_sizes)]

    sources = []
    for name, path in images.items():
        sources += unless_bad(config, name, path, source_of, name, path)
    missing = [row for name, row in pixel_sizes.items() if name and name not in images]
    if missing and bad_images_stop(config):
        raise InputError(
            f"{missing[0].place}: no such image in {folder} ({len(missing)} of {len(pixel_sizes)} rows lack theirs); "
            "add the images or remove the rows."
        )
    for row in missing:
        name = row["image_name"]
        sources.append(Source(name, ImageRef(folder / name), problem=f"{row.place}: no such image in {folder}."))
    known = {source.image_name for source in sources}
    for name, path in annotations.items():
        if name not in known:
            sources += unless_bad(config, path.name, path, _refuse_orphan, path, name)
    return sources


def _refuse_orphan(annotation: Path, image_name: str) -> list[Source]:
    raise InputError(f"{annotation}: its image, {image_name}, is not there; add it or remove the annotation.")
