"""COCO keypoints: one JSON file of images, categories with the names of their keypoints, and annotations."""

from __future__ import annotations

from pathlib import Path

from fetal_biometry.configuration import Config
from fetal_biometry.data.formats.annotation_file import base_name, read_json, refuse_form
from fetal_biometry.data.label_table import Label, four_points

_TOOL = "a COCO file with keypoints"


def read_coco(path: Path, config: Config) -> list[Label]:
    """The labels of a COCO file; keypoints of visibility 0 are not set.

    Raises
    ------
    InputError
    """
    content = read_json(path, _TOOL)
    try:
        names = {category["id"]: category.get("keypoints", []) for category in content["categories"]}
        points: dict = {image["id"]: [] for image in content["images"]}
        for annotation in content["annotations"]:
            numbers = annotation.get("keypoints", [])
            triples = zip(numbers[0::3], numbers[1::3], numbers[2::3], strict=True)
            for name, (x, y, seen) in zip(names[annotation["category_id"]], triples, strict=False):
                if seen:
                    points[annotation["image_id"]].append((name, float(x), float(y)))
        return [
            four_points(points[image["id"]], config.point_names, *_image_facts(image, path))
            for image in content["images"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise refuse_form(path, _TOOL, error) from None


def _image_facts(image: dict, path: Path) -> tuple[str, str, tuple[int, int] | None]:
    name = base_name(image["file_name"])
    size = (int(image["width"]), int(image["height"])) if image.get("width") and image.get("height") else None
    return name, f"{path} ({name})", size
