"""Random views of an image and its landmarks, with the landmarks put back into canonical order."""

import cv2
import numpy as np

from fetal_biometry.model.landmarks import canonical


def augment(image, points, aspect: float, size: int, knobs: dict, rng: np.random.Generator, start=None):
    """One random view, `size` pixels a side, of a squeezed image or of part of it.

    Parameters
    ----------
    image : ndarray of shape (C, C), uint8
        Squeezed to a square; of `size` pixels a side where there is no `start`.
    points : ndarray of shape (4, 2)
        Landmarks in pixels of the view before it is varied.
    aspect : float
        Width over height of the original: rotation happens in its geometry, for in the squeezed grid it
        would shear the head.
    knobs : dict
        ``flip`` (probability, each direction), ``rotation_deg``, ``shrink`` and ``enlarge`` (logarithms of the
        scale, at most), ``shift`` (fraction of the frame), ``thin`` and ``thicken`` (logarithms of the skull's
        thickness over the head's size, at most), ``gain``, ``gamma``, ``shadow`` (probability),
        ``noise`` (grey levels).
    rng : numpy.random.Generator
    start : ndarray of shape (2, 3), optional
        From the image's pixels to those of the view that is varied, and whose aspect ratio is given.

    Returns
    -------
    image : ndarray of shape (size, size), uint8
    points : ndarray of shape (4, 2)
        In canonical order, whatever the view did to it. Inside the frame, unless the label itself lies outside:
        then only flips are drawn.
    """
    matrix, moved = _random_view(points, size, aspect, knobs, rng)
    if start is not None:
        matrix = np.column_stack([matrix[:, :2] @ start[:, :2], matrix[:, :2] @ start[:, 2] + matrix[:, 2]])
    thickness = np.exp(rng.uniform(-knobs["thin"], knobs["thicken"]))
    image = _resample(image, matrix, moved, size, thickness)
    return _random_tones(image, knobs, rng), canonical(moved)


def coarsen(image: np.ndarray, scale: float) -> np.ndarray:
    """A square image as blurred as if it had been cached at `scale` times its size."""
    size = image.shape[0]
    fewer = max(round(size * scale), 1)
    if fewer == size:
        return image
    small = cv2.resize(image, (fewer, fewer), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR)


def _random_view(points, size, aspect, knobs, rng):
    """An affine matrix (2, 3) on the squeezed grid, and where it takes the points.

    A view that would push a landmark out of the frame is drawn again; after ten tries only the flips stay.
    """
    centre = (size - 1) / 2
    squeeze = np.diag([1 / aspect, 1.0])  # from original proportions to the square grid
    flips = np.diag(np.where(rng.random(2) < knobs["flip"], -1.0, 1.0))
    for attempt in range(11):
        linear, shift = flips, np.zeros(2)
        if attempt < 10:
            angle = np.deg2rad(rng.uniform(-knobs["rotation_deg"], knobs["rotation_deg"]))
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            zoom = np.exp(rng.uniform(-knobs["shrink"], knobs["enlarge"]))
            linear = squeeze @ (zoom * turn) @ np.linalg.inv(squeeze) @ flips
            shift = rng.uniform(-knobs["shift"], knobs["shift"], 2) * size
        offset = centre + shift - linear @ np.array([centre, centre])
        moved = points @ linear.T + offset
        if (moved >= 0).all() and (moved <= size - 1).all():
            break
    return np.column_stack([linear, offset]), moved


def _resample(image, matrix, points, size, thickness):
    """The image as an affine matrix moves it, with a thicker or thinner skull, for a small head has a thick one.

    A pixel at a share r of the head's radius shows what was at ``r ** (1 / thickness)``: the outline stays, what lies
    near it moves away from it or closer. Points that span no head leave the skull as it is.
    """
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


def _random_tones(image, knobs, rng):
    """Gain, gamma, one acoustic shadow and noise: what another machine or hand would change."""
    levels = np.arange(256) / 255
    gain = np.exp(rng.uniform(-knobs["gain"], knobs["gain"]))
    gamma = np.exp(rng.uniform(-knobs["gamma"], knobs["gamma"]))
    image = cv2.LUT(image, np.clip(255 * gain * levels**gamma, 0, 255).astype(np.uint8))
    if rng.random() < knobs["shadow"]:
        image = _cast_shadow(image, rng)
    if knobs["noise"] > 0:
        speckle = rng.standard_normal(image.shape, dtype=np.float32) * (knobs["noise"] * rng.random())
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
