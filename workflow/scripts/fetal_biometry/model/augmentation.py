"""Random views of an image, its landmarks and its targets, with the landmarks put back into canonical order."""

from __future__ import annotations

import cv2
import numpy as np

from fetal_biometry.model.landmarks import canonical
from fetal_biometry.recipe import Augmentation

_TRIES = 10  # before only flips are drawn


def augment(
    image: np.ndarray, points: np.ndarray, targets: np.ndarray, settings: Augmentation, rng: np.random.Generator
):
    """One random view of a prepared image; image and targets are moved by the same affine map.

    Parameters
    ----------
    image : ndarray of shape (S, S), uint8
    points : ndarray of shape (4, 2)
        Landmarks in the image's pixels.
    targets : ndarray of shape (4 or 5, H, H), or (4, 2)
        Heatmaps of the landmarks, and the head mask; or the landmarks as fractions of the frame.

    Returns
    -------
    image : ndarray of shape (S, S), uint8
    targets : ndarray of the targets' shape, float32
        In the canonical order of the moved landmarks.
    """
    size = image.shape[0]
    matrix, moved = random_map(points, size, settings, rng)
    thickness = np.exp(rng.uniform(-settings.thin, settings.thicken))
    image = _random_tones(_move_image(image, matrix, moved, thickness), settings, rng)
    return image, _move_targets(targets, matrix, moved, size)


def random_map(points: np.ndarray, size: int, settings: Augmentation, rng) -> tuple[np.ndarray, np.ndarray]:
    """An affine matrix (2, 3) on the image's pixels, and where it takes the points, (4, 2).

    A map that would push a landmark out of the frame is drawn again; after ten tries only the flips stay.
    """
    centre = (size - 1) / 2
    flips = np.diag(np.where(rng.random(2) < settings.flip, -1.0, 1.0))
    for attempt in range(_TRIES + 1):
        linear, shift = flips, np.zeros(2)
        if attempt < _TRIES:
            angle = np.deg2rad(rng.uniform(-settings.rotation_deg, settings.rotation_deg))
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            linear = np.exp(rng.uniform(-settings.shrink, settings.enlarge)) * turn @ flips
            shift = rng.uniform(-settings.shift, settings.shift, 2) * size
        offset = centre + shift - linear @ np.array([centre, centre])
        moved = points @ linear.T + offset
        if (moved >= 0).all() and (moved <= size - 1).all():
            break
    return np.column_stack([linear, offset]), moved


def _move_targets(targets: np.ndarray, matrix: np.ndarray, moved: np.ndarray, size: int) -> np.ndarray:
    if targets.ndim == 2:
        return ((canonical(moved) + 0.5) / size).astype(np.float32)
    cells = targets.shape[-1]
    pixels_a_cell = size / cells
    linear, offset = matrix[:, :2], matrix[:, 2]
    in_cells = (offset + 0.5 - linear @ [0.5, 0.5]) / pixels_a_cell + linear @ [0.5, 0.5] - 0.5
    on_grid = np.column_stack([linear, in_cells])
    maps = [cv2.warpAffine(one.astype(np.float32), on_grid, (cells, cells), flags=cv2.INTER_LINEAR) for one in targets]
    ordered = canonical(moved)
    left_right = (0, 1) if np.array_equal(ordered[0], moved[0]) else (1, 0)
    upper_lower = (2, 3) if np.array_equal(ordered[2], moved[2]) else (3, 2)
    return np.stack([maps[i] for i in (*left_right, *upper_lower, *range(4, len(maps)))])


def _move_image(image, matrix, points, thickness):
    """The image as an affine matrix moves it, with a thicker or thinner skull, for a small head has a thick one.

    A pixel at a share r of the head's radius shows what was at ``r ** (1 / thickness)``: the outline stays, what lies
    near it moves away from it or closer. Points that span no head leave the skull as it is.
    """
    size = image.shape[0]
    axes = np.stack([points[1] - points[0], points[3] - points[2]], axis=1) / 2
    if thickness == 1 or abs(np.linalg.det(axes)) < 1:
        return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR)
    centre, back = points.mean(axis=0), cv2.invertAffineTransform(matrix)
    inverse = np.linalg.inv(axes)
    form = (inverse.T @ inverse).astype(np.float32)  # of the squared share of the radius
    x, y = ((np.arange(size) - middle).astype(np.float32) for middle in centre)
    y = y[:, None]
    share = form[0, 0] * x**2 + form[1, 1] * y**2 + (2 * form[0, 1] * y) * x
    moved = np.maximum(share, np.float32(1e-6)) ** np.float32((1 / thickness - 1) / 2)
    origin, back = (back @ [*centre, 1]).astype(np.float32), back.astype(np.float32)
    places = (moved * (back[i, 0] * x + back[i, 1] * y) + origin[i] for i in range(2))
    return cv2.remap(image, *places, cv2.INTER_LINEAR)


def _random_tones(image, settings: Augmentation, rng):
    """Gain, gamma, one acoustic shadow and noise: what another machine or hand would change."""
    levels = np.arange(256) / 255
    gain = np.exp(rng.uniform(-settings.gain, settings.gain))
    gamma = np.exp(rng.uniform(-settings.gamma, settings.gamma))
    image = cv2.LUT(image, np.clip(255 * gain * levels**gamma, 0, 255).astype(np.uint8))
    if rng.random() < settings.shadow:
        image = _cast_shadow(image, rng)
    if settings.noise > 0:
        speckle = rng.standard_normal(image.shape, dtype=np.float32) * (settings.noise * rng.random())
        image = np.clip(image * (1 + speckle / 255) + speckle / 4, 0, 255).astype(np.uint8)
    return image


def _cast_shadow(image, rng):
    """Darken a soft-edged, slightly tilted vertical band, as bone or bowel gas does."""
    size = image.shape[0]
    x = np.arange(size, dtype=np.float32)
    centre = rng.uniform(0, size) + rng.uniform(-0.3, 0.3) * (x[:, None] - size / 2)
    width = rng.uniform(0.03, 0.12) * size
    band = np.exp(-(((x[None, :] - centre) / width) ** 2))
    return (image * (1 - rng.uniform(0.3, 0.9) * band)).astype(np.uint8)
