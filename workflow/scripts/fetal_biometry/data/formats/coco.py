"""COCO keypoints: one JSON file of images, categories with the names of their keypoints, and annotations."""

from __future__ import annotations

from pathlib import Path

from fetal_biometry.configuration import Config
from fetal_biometry.data.formats.annotation_file import base_name, in_form, read_json
from fetal_biometry.data.label_table import UNPLACED, Label, four_points

_TOOL = "a COCO file with keypoints"


def read_coco(path: Path, config: Config) -> list[Label]:
    """The labels of a COCO file; keypoints of visibility 0 are not set, and boxes and outlines are no labels."""
    with in_form(path, _TOOL):
        content = read_json(path)
        categories = {category["id"]: category for category in content["categories"]}
        points: dict = {image["id"]: [] for image in content["images"]}
        for annotation in content["annotations"]:
            category, numbers = categories[annotation["category_id"]], annotation.get("keypoints", [])
            set_points = [
                (name, float(x), float(y))
                for name, x, y, seen in zip(
                    category.get("keypoints", []), numbers[0::3], numbers[1::3], numbers[2::3], strict=False
                )
                if seen
            ]
            unset = numbers and category.get("keypoints")
            points[annotation["image_id"]] += set_points or ([] if unset else [(category.get("name", ""), *UNPLACED)])
        return [
            four_points(points[image["id"]], config.point_names, *_image_facts(image, path))
            for image in content["images"]
        ]


def _image_facts(image: dict, path: Path) -> tuple[str, str, tuple[int, int] | None]:
    name = base_name(image["file_name"])
    size = (int(image["width"]), int(image["height"])) if image.get("width") and image.get("height") else None
    return name, f"{path} ({name})", size
