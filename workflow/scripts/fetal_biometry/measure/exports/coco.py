"""COCO keypoints, for annotation tools that correct what was found."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from fetal_biometry.frames import points_of
from fetal_biometry.model.geometry import landmarks_to_ellipse
from fetal_biometry.terms import LANDMARKS

HEAD = {"id": 1, "name": "head", "supercategory": "fetus", "keypoints": list(LANDMARKS), "skeleton": [[1, 2], [3, 4]]}
SET = 2  # COCO's visibility of a keypoint that is set and seen


def coco(table: pd.DataFrame) -> str:
    """Each image, and the head found in it with four keypoints, the box and area of their ellipse, and a score."""
    images, annotations = [], []
    points = points_of(table)
    centre, semi_long, semi_short, angle = landmarks_to_ellipse(points)
    reach = np.stack(
        [
            np.hypot(semi_long * np.cos(angle), semi_short * np.sin(angle)),
            np.hypot(semi_long * np.sin(angle), semi_short * np.cos(angle)),
        ],
        axis=-1,
    )
    boxes = np.concatenate([centre - reach, 2 * reach], axis=1).round(2)
    areas = (np.pi * semi_long * semi_short).round(1)
    for at, row in enumerate(table.to_dict("records")):
        size = {"width": int(row["width_px"]), "height": int(row["height_px"])}
        images.append({"id": at + 1, "file_name": row["image_name"], **size})
        if not np.isfinite(points[at]).all():
            continue
        keypoints = [number for x, y in points[at].tolist() for number in (x, y, SET)]
        head = {"id": at + 1, "image_id": at + 1, "category_id": 1, "iscrowd": 0, "num_keypoints": len(LANDMARKS)}
        score = {"score": float(row["confidence"])} if np.isfinite(row["confidence"]) else {}
        annotations.append(
            head | {"keypoints": keypoints, "bbox": boxes[at].tolist(), "area": float(areas[at])} | score
        )
    said = {"info": {"description": f"callipers as in {table['convention'].iloc[0]}"}} if "convention" in table else {}
    return json.dumps(said | {"images": images, "categories": [HEAD], "annotations": annotations}, indent=1) + "\n"
