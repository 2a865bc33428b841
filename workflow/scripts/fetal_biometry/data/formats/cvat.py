"""CVAT for images 1.1: one XML file of images with points, skeletons or polylines."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from fetal_biometry.configuration import Config
from fetal_biometry.data.formats.annotation_file import base_name, refuse_form
from fetal_biometry.data.label_table import Label, four_points
from fetal_biometry.errors import InputError

_TOOL = "a file of CVAT for images, XML"


def read_cvat(path: Path, config: Config) -> list[Label]:
    """The labels of a CVAT file; a skeleton's points that lie outside the image are not set.

    Raises
    ------
    InputError
    """
    try:
        images = ElementTree.parse(path).getroot().iter("image")
        return [_label(image, path, config) for image in images]
    except OSError:
        raise InputError(f"{path}: the label file does not exist; give landmark_table=FILE, {_TOOL}.") from None
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise refuse_form(path, _TOOL, error) from None


def _label(image: ElementTree.Element, path: Path, config: Config) -> Label:
    points = []
    for shape in (*image.iter("points"), *image.iter("polyline")):
        ends = [end.split(",") for end in shape.attrib["points"].split(";")]
        if shape.get("outside") != "1" and len(ends) <= 2:
            points += [(shape.attrib["label"], float(x), float(y)) for x, y in ends]
    name = base_name(image.attrib["name"])
    size = (int(image.attrib["width"]), int(image.attrib["height"]))
    return four_points(points, config.point_names, name, f"{path} ({name})", size)
