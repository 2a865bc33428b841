"""What a network sees of an image: a view is a square frame laid over it.

A view is an affine matrix (2, 3) that takes fractions of the frame, (0, 0) at its upper left corner and (1, 1) at its
lower right one, to original pixels. It serves grids of any size: the centre of cell i of n lies at ``(i + 0.5) / n``.
"""

import cv2
import numpy as np

from fetal_biometry.model.geometry import margins


def whole_views(sizes: np.ndarray, zoom: float = 1.0) -> np.ndarray:
    """Views (N, 2, 3) of all of each image, as `geometry.fit_square` shows it, or of its middle, enlarged.

    ``sizes`` of shape (N, 2) are original widths and heights.
    """
    sizes, views = np.asarray(sizes, dtype=int), np.zeros((len(sizes), 2, 3))
    sides = sizes.max(axis=1, keepdims=True)
    views[:, [0, 1], [0, 1]] = sides / zoom
    views[:, :, 2] = sides * (1 - 1 / zoom) / 2 - margins(sizes) - 0.5
    return views


def to_original(views: np.ndarray, points: np.ndarray, cells: int) -> np.ndarray:
    """Original pixels of (N, K, 2) points on a grid of `cells` a side."""
    return (np.asarray(points) + 0.5) / cells @ views[..., :2].swapaxes(-1, -2) + views[..., None, :, 2]


def to_grid(views: np.ndarray, points: np.ndarray, cells: int) -> np.ndarray:
    """Places on a grid of `cells` a side of (N, K, 2) points in original pixels."""
    back = np.linalg.inv(views[..., :2]).swapaxes(-1, -2)
    return (np.asarray(points) - views[..., None, :, 2]) @ back * cells - 0.5


def between(source: np.ndarray, target: np.ndarray, source_size: int, size: int) -> np.ndarray:
    """The affine matrix (2, 3) from one view's pixels, `source_size` a side, to those of another, `size` a side."""
    corners = np.array([[0.0, 0.0], [source_size, 0.0], [0.0, source_size]])
    moved = to_grid(target, to_original(source, corners, source_size), size)
    linear = (moved[1:] - moved[0]).T / source_size
    return np.column_stack([linear, moved[0]])


def show(images: np.ndarray, sizes: np.ndarray, views: np.ndarray, size: int) -> np.ndarray:
    """Other views of prepared images, black where they reach beyond the image.

    Parameters
    ----------
    images : ndarray of shape (N, C, C), uint8
        See `geometry.fit_square`.
    sizes : ndarray of shape (N, 2)
        Width and height of the originals.
    views : ndarray of shape (N, 2, 3)
    size : int
        Pixels a side of the views.

    Returns
    -------
    ndarray of shape (N, size, size), uint8
    """
    return np.stack(
        [
            cv2.warpAffine(image, between(whole, view, images.shape[1], size), (size, size), flags=cv2.INTER_LINEAR)
            for image, whole, view in zip(images, whole_views(sizes), views, strict=True)
        ]
    )
