"""LabelMe: a JSON file an image, beside the images or in a folder of their own."""

from __future__ import annotations

from pathlib import Path

from fetal_biometry.configuration import Config
from fetal_biometry.data.formats.annotation_file import base_name, in_form, read_json
from fetal_biometry.data.label_table import Label, four_points
from fetal_biometry.errors import InputError

_TOOL = "a folder of LabelMe's JSON files"


def read_labelme(path: Path, config: Config) -> list[Label]:
    """The labels of a folder, that of the images unless ``landmark_table`` names one; of points, or of lines' ends."""
    folder = path if config.landmark_table else Path(config.data_root, config.image_folder)
    files = [folder] if folder.is_file() else sorted(folder.glob("*.json"))
    if not files:
        raise InputError(f"{folder}: no JSON file; give landmark_table=FOLDER, {_TOOL}.")
    return [_label(file, config) for file in files]


def _label(file: Path, config: Config) -> Label:
    with in_form(file, _TOOL):
        content = read_json(file)
        points = [(shape["label"], float(x), float(y)) for shape in content["shapes"] for x, y in shape["points"]]
        size = (content.get("imageWidth"), content.get("imageHeight"))
        name = base_name(content["imagePath"])
        return four_points(points, config.point_names, name, str(file), size if all(size) else None)
