"""Do labels fit the images that they stand beside? Told from the images themselves, for many labels together.

A skull is brighter than what lies inside and outside of it. Where many labels of a table show that contrast along
their ellipses only after the same mirroring, turning or resizing, they were set on other pictures. Where they show it
no more than other images' labels do, they are those of other rows.
"""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd

from fetal_biometry.errors import InputError
from fetal_biometry.frames import points_of
from fetal_biometry.images.image_ref import ImageRef
from fetal_biometry.images.raster import read_grey
from fetal_biometry.model.geometry import landmarks_to_ellipse, margins, resize_points

SAMPLE, LEAST_LABELS = 40, 5  # images that are looked at; fewer than the second say nothing
GAIN = 0.5  # of contrast, in grey levels' standard deviations, by which a label fits another view better
MANY, LEAST_MISFITS = 0.2, 4  # labels that do; of the challenge's, a quarter of which is wrong, 4 % do by chance
LEAST_ROWS = 10  # labels that tell whether all are those of other images
OTHER_ROWS = 3  # other images' labels that are tried on an image
POOR_FIT = 1.0  # mean contrast; HC18's labels have 2.3, the challenge's 1.7
CHANCE = 0.25  # by how much it exceeds that of other images' labels; HC18's by 1.7, the challenge's by 1.1
COPIES = (192, 224, 256, 299, 320, 384, 448, 512, 640, 768, 1024)  # usual sides of resized images
_INSIDE, _SKULL, _OUTSIDE = (0.75, 0.8), (0.9, 0.94, 0.98, 1.02), (1.15, 1.22)  # of the ellipse's radius
_SMOOTH_PX = 400  # images this large are smoothed by a pixel, so that speckle does not pass for a skull


def skull_contrast(grey: np.ndarray, points: np.ndarray) -> np.ndarray:
    """How much brighter an image (H, W) is along ellipses than inside and outside of them, (N,).

    In standard deviations of its grey levels; of landmarks (N, 4, 2) in pixels.
    """
    height, width = grey.shape
    smooth = cv2.GaussianBlur(grey, (0, 0), max(height, width) / _SMOOTH_PX).astype(float)
    centre, semi_long, semi_short, angle = landmarks_to_ellipse(points)
    around = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    radius = np.array([*_INSIDE, *_SKULL, *_OUTSIDE])[:, None]
    along, across = (semi[:, None, None] * radius for semi in (semi_long, semi_short))
    along, across = along * np.cos(around), across * np.sin(around)
    cosine, sine = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    x = np.round(centre[:, 0, None, None] + cosine * along - sine * across)
    y = np.round(centre[:, 1, None, None] + sine * along + cosine * across)
    seen = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    levels = smooth[np.clip(y, 0, height - 1).astype(int), np.clip(x, 0, width - 1).astype(int)] * seen
    skull = slice(len(_INSIDE), len(_INSIDE) + len(_SKULL))
    beside = np.delete(levels, skull, axis=1).mean(axis=1)
    return (levels[:, skull].max(axis=1) - beside).mean(axis=1) / max(float(grey.std()), 1e-6)


def other_views(points: np.ndarray, size) -> dict[str, np.ndarray]:
    """Where landmarks (4, 2) would lie that were set on another view of an image of ``(width, height)``, by view."""
    x, y = points.T
    right, bottom = size[0] - 1, size[1] - 1
    views = {
        "mirrored left to right": np.stack([right - x, y], axis=1),
        "upside down and mirrored": np.stack([x, bottom - y], axis=1),
        "turned by 180 degrees": np.stack([right - x, bottom - y], axis=1),
        "turned by 90 degrees": np.stack([y, bottom - x], axis=1),
        "turned by 270 degrees": np.stack([right - y, x], axis=1),
        "with x and y exchanged": points[:, ::-1],
    }
    whole, middle = (max(size), max(size)), margins(size)  # the square around an image whose proportions are kept
    for side in COPIES:
        kept = resize_points(points, (side, side), whole)
        views[f"resized to {side}x{side}"] = resize_points(points, (side, side), size)
        views[f"with the longer side resized to {side}"] = kept
        views[f"resized into the middle of {side}x{side}"] = kept - middle
    kept = resize_points(points, size, whole)  # of labels that `label_size` stretched by mistake
    return views | {"with their proportions kept": kept, "in the middle of a square": kept - middle}


def refuse_labels_of_other_views(labels: pd.DataFrame, planned: pd.DataFrame) -> None:
    """InputError where labels fit mirrored, turned or resized images far better than the images themselves.

    Takes the labels of `labels.read_labels`, and ``work/plan/<part>.csv``, which has their images.
    """
    if len(labels) < LEAST_LABELS:
        return
    chosen = labels.iloc[np.unique(np.linspace(0, len(labels) - 1, SAMPLE).round().astype(int))]
    images = [ImageRef.from_row(row) for row in planned.loc[chosen.index].to_dict("records")]
    points = points_of(chosen)
    contrasts, others = [], []
    for at, (image, label) in enumerate(zip(images, points, strict=True)):
        grey = read_grey(image)
        size = grey.shape[::-1]
        views = other_views(label, size)
        contrasts.append(skull_contrast(grey, np.stack([label, *views.values()])))
        others.append(skull_contrast(grey, np.roll(points, -at - 1, axis=0)[:OTHER_ROWS]).mean())
    own = np.array(contrasts)[:, 0]
    gains = np.array(contrasts)[:, 1:] - own[:, None]
    better = gains > GAIN
    best = int((gains * better).sum(axis=0).argmax())
    if better[:, best].sum() >= max(LEAST_MISFITS, MANY * len(chosen)):
        view = list(views)[best]
        resized = view.removeprefix("resized to ")
        remedy = f"give label_size={resized}" if resized != view else "label the images as viewers show them"
        raise InputError(
            f"{chosen['origin'].iloc[0]}: in {better[:, best].sum()} of {len(chosen)} images checked, the labels fit "
            f"the image {view} better than the image as it is; {remedy}, or bring the labels back to original pixels."
        )
    if len(chosen) >= LEAST_ROWS and own.mean() < POOR_FIT and own.mean() - np.mean(others) < CHANCE:
        raise InputError(
            f"{chosen['origin'].iloc[0]}: in {len(chosen)} images checked, the labels fit their own image no better "
            "than labels of other images. Rows are shifted, or the labels are of other images; correct the table."
        )
