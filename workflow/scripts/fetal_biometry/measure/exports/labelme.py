"""LabelMe, to correct what was found: unpacked beside the images, each file opens with its image."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from fetal_biometry.frames import points_of
from fetal_biometry.terms import LANDMARKS


def labelme(table: pd.DataFrame) -> bytes:
    """A zip archive with a JSON file an image in which a head was found."""
    archive = io.BytesIO()
    stems = table["image_name"].map(lambda name: Path(name).stem)
    shared = stems.duplicated(keep=False).to_numpy()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        for row, points, stem, taken in zip(table.to_dict("records"), points_of(table), stems, shared, strict=True):
            if np.isfinite(points).all():
                name = f"{row['image_name'] if taken else stem}.json"
                files.writestr(zipfile.ZipInfo(name), json.dumps(_image(row, points), indent=1) + "\n")
    return archive.getvalue()


def _image(row: dict, points: np.ndarray) -> dict:
    shapes = [
        {"label": name, "points": [point], "group_id": None, "description": "", "shape_type": "point", "flags": {}}
        for name, point in zip(LANDMARKS, points.tolist(), strict=True)
    ]
    size = {"imageHeight": int(row["height_px"]), "imageWidth": int(row["width_px"])}
    image = {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": Path(row["path"]).name, "imageData": None}
    if "convention" in row:
        image["flags"] = {row["convention"]: True}
    return image | size
