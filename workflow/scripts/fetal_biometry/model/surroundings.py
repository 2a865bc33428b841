"""The part of a prepared image on and around the head that was found in it, unrolled along the head's ellipse."""

from __future__ import annotations

import base64

import cv2
import numpy as np

from fetal_biometry.model.views import to_grid, whole_views

RADII = np.linspace(0, 1.45, 28)  # of the ellipse, whose outline is 1
ANGLES = np.linspace(0, 2 * np.pi, 48, endpoint=False)  # from the end of the OFD
_DOTS, _DOTTED = 60, 1.03  # of a burned-in ellipse, and where it lies
SURROUNDINGS = "surroundings"  # column of landmark tables
SPAN = "span"  # another one: the OFD over the longer side of the image


def unroll(images: np.ndarray, sizes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Grey levels on `RADII` by `ANGLES` of each head's ellipse, (N, 28, 48), uint8; black beyond the image.

    Parameters
    ----------
    images : ndarray of shape (N, S, S), uint8
        Prepared images, see `geometry.fit_square`.
    sizes : ndarray of shape (N, 2)
        Width and height of the originals.
    points : ndarray of shape (N, 4, 2)
        Landmarks in original pixels.
    """
    heads = to_grid(whole_views(sizes), points, images.shape[-1])
    along, across = (heads[:, 1::2] - heads[:, 0::2])[:, :, None].swapaxes(0, 1) / 2
    around = np.cos(ANGLES)[:, None] * along + np.sin(ANGLES)[:, None] * across
    places = (heads.mean(axis=1)[:, None, None] + RADII[:, None, None] * around[:, None]).astype(np.float32)
    return np.stack([
        cv2.remap(image, place[..., 0], place[..., 1], cv2.INTER_LINEAR)
        for image, place in zip(images, places, strict=True)
    ])  # fmt: skip


def dotted(images: np.ndarray, sizes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Prepared images with white dots drawn on each head's outline, as some scanners burn them in.

    Arguments as of `unroll`.
    """
    drawn = images.copy()
    for image, head in zip(drawn, to_grid(whole_views(sizes), points, images.shape[-1]), strict=True):
        along, across = (head[1] - head[0]) / 2, (head[3] - head[2]) / 2
        turn = np.linspace(0, 2 * np.pi, _DOTS, endpoint=False)[:, None]
        places = head.mean(axis=0) + _DOTTED * (np.cos(turn) * along + np.sin(turn) * across)
        for x, y in places.round().astype(int).tolist():
            cv2.circle(image, (x, y), 1, 255, cv2.FILLED)
    return drawn


def as_text(unrolled: np.ndarray) -> list[str]:
    """Each head's surroundings as a cell of a table."""
    return [base64.b64encode(one.tobytes()).decode() for one in unrolled]


def from_text(cells) -> np.ndarray:
    """`as_text` back, (N, 28, 48), uint8."""
    shape = len(RADII), len(ANGLES)
    levels = [np.frombuffer(base64.b64decode(cell), np.uint8).reshape(shape) for cell in cells]
    return np.stack(levels) if levels else np.zeros((0, *shape), np.uint8)
