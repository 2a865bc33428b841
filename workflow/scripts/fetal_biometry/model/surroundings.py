"""What a prepared image shows on and around the head that was found in it."""

from __future__ import annotations

import cv2
import numpy as np

from fetal_biometry.model.views import to_grid, whole_views

RADII = np.linspace(0, 1.35, 28)  # of the ellipse, whose outline is 1
ANGLES = np.linspace(0, 2 * np.pi, 48, endpoint=False)
_OUTLINE = slice(19, 24)  # radii 0.95 to 1.15, where the skull is
_BRAIN = slice(10, 18)
_SHARES = (0.1, 0.25, 0.5, 0.75)  # quantiles over the angles
_BRIGHT = 0.5  # standard deviations above the mean
_FLOOR = 1.0  # grey level, beside the spread of an image of one grey
SURROUNDINGS = tuple(f"surroundings_{number}" for number in range(2 * len(RADII) + len(_SHARES) + 4))


def describe_surroundings(images: np.ndarray, sizes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The features `SURROUNDINGS` of each head, (N, 64).

    Grey levels are sampled on `RADII` by `ANGLES` of the ellipse and standardised. The features are their mean and
    spread over the angles at each radius; quantiles of the brightest level near the outline, and the share of angles at
    which it is bright; the brain's mean level; the logarithms of BPD over OFD and of OFD over the image's side.

    Parameters
    ----------
    images : ndarray of shape (N, S, S), uint8
        Prepared images, see `geometry.fit_square`.
    sizes : ndarray of shape (N, 2)
        Width and height of the originals.
    points : ndarray of shape (N, 4, 2)
        Landmarks in original pixels.
    """
    side = images.shape[-1]
    on_grid = to_grid(whole_views(sizes), points, side)
    levels = np.stack([_sample(image, head) for image, head in zip(images, on_grid, strict=True)])
    centred = levels - levels.mean(axis=(1, 2), keepdims=True)
    levels = centred / (levels.std(axis=(1, 2), keepdims=True) + _FLOOR)
    outline = levels[:, _OUTLINE].max(axis=1)
    ofd, bpd = (np.linalg.norm(on_grid[:, i + 1] - on_grid[:, i], axis=1).clip(1e-3) for i in (0, 2))
    return np.column_stack([
        levels.mean(axis=2),
        levels.std(axis=2),
        *np.quantile(outline, _SHARES, axis=1),
        (outline > _BRIGHT).mean(axis=1),
        levels[:, _BRAIN].mean(axis=(1, 2)),
        np.log(bpd / ofd),
        np.log(ofd / side),
    ])  # fmt: skip


def _sample(image: np.ndarray, head: np.ndarray) -> np.ndarray:
    """Grey levels around a head, (radii, angles); black beyond the image."""
    along, across = (head[1] - head[0]) / 2, (head[3] - head[2]) / 2
    around = np.cos(ANGLES)[:, None] * along + np.sin(ANGLES)[:, None] * across
    places = (head.mean(axis=0) + RADII[:, None, None] * around).astype(np.float32)
    return cv2.remap(image, places[..., 0], places[..., 1], cv2.INTER_LINEAR).astype(np.float32)
