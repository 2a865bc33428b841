"""CVAT for images 1.1: one XML file of images with points, skeletons or polylines."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from fetal_biometry.configuration import Config
from fetal_biometry.data.formats.annotation_file import base_name, in_form
from fetal_biometry.data.label_table import UNPLACED, Label, four_points
from fetal_biometry.names import on_disk

_TOOL = "a file of CVAT for images, XML"


def read_cvat(path: Path, config: Config) -> list[Label]:
    """The labels of a CVAT file; a skeleton's points that lie outside the image are not set."""
    with in_form(path, _TOOL):
        images = ElementTree.parse(on_disk(path)).getroot().iter("image")
        return [_label(image, path, config) for image in images]


def _label(image: ElementTree.Element, path: Path, config: Config) -> Label:
    points = []
    for shape in image.iter():
        if shape.get("outside") != "1" and "label" in shape.attrib and shape.tag not in ("skeleton", "tag"):
            ends = [end.split(",") for end in shape.get("points", "").split(";") if end] or [UNPLACED]
            points += [(shape.attrib["label"], float(x), float(y)) for x, y in ends]
    name = base_name(image.attrib["name"])
    size = (int(image.attrib["width"]), int(image.attrib["height"]))
    return four_points(points, config.point_names, name, f"{path} ({name})", size)
