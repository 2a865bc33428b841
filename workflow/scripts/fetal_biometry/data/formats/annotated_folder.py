"""HC18's format: ``NAME.png`` beside ``NAME_Annotation.png``; without an annotation an image is unlabelled."""

from __future__ import annotations

from pathlib import Path

from fetal_biometry.configuration import Config
from fetal_biometry.data.source import (
    Source,
    annotations_in,
    collect,
    existing_folder,
    read_pixel_sizes,
    usable,
    with_facts,
)
from fetal_biometry.errors import InputError
from fetal_biometry.images.image_ref import ImageRef, list_folder
from fetal_biometry.names import composed


def list_annotated_folder(config: Config, drawn: Path) -> list[Source]:
    """The folder's images with their annotations; a row or an annotation without its image is refused."""
    folder = existing_folder(config)
    files = {composed(path.name): path for path in list_folder(folder).images}
    annotations = annotations_in(files.values())
    images = {name: path for name, path in files.items() if path not in annotations.values()}
    pixel_sizes = read_pixel_sizes(config)

    def source_of(name: str, path: Path) -> list[Source]:
        annotation = annotations.get(name)
        if name not in images and name in pixel_sizes:
            raise InputError(f"{pixel_sizes[name].place}: no such image in {folder}; add it or remove the row.")
        if name not in images:
            raise InputError(f"{annotation}: its image, {name}, is not there; add it or remove the annotation.")
        label = {"annotation": annotation, "label_source": "annotation ellipse", "origin": str(annotation)}
        return [with_facts(usable(Source(name, ImageRef(path), **(label if annotation else {}))), pixel_sizes)]

    names = dict.fromkeys([*images, *filter(None, pixel_sizes), *annotations])
    return collect(config, ((name, images.get(name, folder / name)) for name in names), source_of)
