"""VGG Image Annotator 1 and 2: a csv with a row a region, or JSON (annotations alone or a whole project)."""

from __future__ import annotations

import json
from pathlib import Path

from fetal_biometry.configuration import Config
from fetal_biometry.data.formats.annotation_file import base_name, in_form, read_json
from fetal_biometry.data.label_table import UNPLACED, Label, four_points
from fetal_biometry.tables import read_table

_TOOL = "a file of the VGG Image Annotator 2, csv or JSON"
_COLUMNS = {
    "image_name": ("filename", "#filename"),
    "shape": ("region_shape_attributes",),
    "attributes": ("region_attributes",),
}
Points = list[tuple[str, float, float]]


def read_via(path: Path, config: Config) -> list[Label]:
    """The labels of a VIA file. A point, or a line's two ends, is called by any text among its attributes."""
    with in_form(path, _TOOL):
        images = _of_csv(path) if path.suffix.lower() != ".json" else _of_json(path)
    return [four_points(points, config.point_names, name, place) for name, (place, points) in images.items()]


def _of_csv(path: Path) -> dict[str, tuple[str, Points]]:
    images: dict[str, tuple[str, Points]] = {}
    for row in read_table(path, _COLUMNS):
        _, points = images.setdefault(base_name(row["image_name"]), (row.place, []))
        if row["shape"]:
            points += _points(json.loads(row["shape"]), json.loads(row["attributes"] or "{}"))
    return images


def _of_json(path: Path) -> dict[str, tuple[str, Points]]:
    content = read_json(path)
    images: dict[str, tuple[str, Points]] = {}
    for image in content.get("_via_img_metadata", content).values():
        name, regions = base_name(image["filename"]), image["regions"]
        _, points = images.setdefault(name, (f"{path} ({name})", []))
        for region in regions.values() if isinstance(regions, dict) else regions:
            points += _points(region["shape_attributes"], region.get("region_attributes", {}))
    return images


def _points(shape: dict, attributes: dict) -> Points:
    names = [text for text in attributes.values() if isinstance(text, str) and text]
    names += [name for value in attributes.values() if isinstance(value, dict) for name in value]  # of a checkbox
    if shape.get("name") == "point":
        ends = [(shape["cx"], shape["cy"])]
    else:
        ends = list(zip(shape.get("all_points_x", ()), shape.get("all_points_y", ()), strict=True)) or [UNPLACED]
    return [(name, float(x), float(y)) for name in names or [""] for x, y in ends]
