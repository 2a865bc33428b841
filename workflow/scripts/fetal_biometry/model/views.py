"""What a network sees of an image: all of it, squeezed, or one head from close by, upright and in proportion.

A view is an affine matrix (2, 3) that takes fractions of the network's square frame, (0, 0) at its upper left corner
and (1, 1) at its lower right one, to original pixels. It serves grids of any size: the centre of cell i of n lies at
``(i + 0.5) / n``.
"""

import cv2
import numpy as np

from fetal_biometry.model.geometry import landmarks_to_ellipse, squeeze_all

_BROAD_ENOUGH_PX = 100
_WITH_SCALP = 1.15  # of the ellipse's axes, beyond which nothing belongs to the head


def whole_views(sizes: np.ndarray, zoom: float = 1.0) -> np.ndarray:
    """Views (N, 2, 3) of all of each image, from ``(width, height)`` of shape (N, 2), or of its middle, enlarged."""
    views = np.zeros((len(sizes), 2, 3))
    views[:, [0, 1], [0, 1]] = np.asarray(sizes) / zoom
    views[:, :, 2] = np.asarray(sizes) * (1 - 1 / zoom) / 2 - 0.5
    return views


def closeups(heads: np.ndarray, field: float) -> np.ndarray:
    """Views of heads, the OFD along the frame's x axis.

    Parameters
    ----------
    heads : ndarray of shape (N, 4, 2)
        Landmarks in original pixels.
    field : float
        Side of the frame over the head's OFD.

    Returns
    -------
    ndarray of shape (N, 2, 3)
    """
    centre, semi_long, _, angle = landmarks_to_ellipse(heads)
    side = 2 * field * np.maximum(semi_long, 1.0)
    cosine, sine = side * np.cos(angle), side * np.sin(angle)
    turn = np.stack([np.stack([cosine, -sine], axis=-1), np.stack([sine, cosine], axis=-1)], axis=-2)
    corner = centre - turn.sum(axis=-1) / 2
    return np.concatenate([turn, corner[..., None]], axis=-1)


def beside_heads(sizes: np.ndarray, heads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Views of what each image shows beside its head: the broadest of the strips left, right, above and below.

    Parameters
    ----------
    sizes : ndarray of shape (N, 2)
        Width and height of the images.
    heads : ndarray of shape (N, 4, 2)
        Landmarks in original pixels.

    Returns
    -------
    views : ndarray of shape (N, 2, 3)
    sides : ndarray of shape (N, 2)
        Width and height of the strips in original pixels; 0 where the head leaves none.
    """
    centre, semi_long, semi_short, angle = landmarks_to_ellipse(heads)
    cosine, sine = np.cos(angle), np.sin(angle)
    reach = [np.hypot(semi_long * cosine, semi_short * sine), np.hypot(semi_long * sine, semi_short * cosine)]
    reach = _WITH_SCALP * np.stack(reach, axis=-1)
    first, last = np.clip(centre - reach, 0, sizes), np.clip(centre + reach, 0, sizes)
    starts, ends = np.zeros((4, *sizes.shape)), np.tile(np.asarray(sizes, dtype=float), (4, 1, 1))
    for axis in (0, 1):
        ends[2 * axis, :, axis], starts[2 * axis + 1, :, axis] = first[:, axis], last[:, axis]
    broadest, each = (ends - starts).min(axis=2).argmax(axis=0), np.arange(len(sizes))
    start, sides = starts[broadest, each], (ends - starts)[broadest, each]
    return np.concatenate([sides[:, None] * np.eye(2), start[..., None] - 0.5], axis=-1), sides


def show_beside(images: np.ndarray, sizes: np.ndarray, heads: np.ndarray, size: int):
    """What squeezed images show `beside_heads`, where that is broad enough to show anything.

    Takes ``images``, ``sizes`` and ``size`` as of `look`, and landmarks. Returns (M, size, size) views, the sides of
    each in original pixels, (M, 2), and which of the images they are of, (N,) truth values.
    """
    views, sides = beside_heads(sizes, heads)
    shown = sides.min(axis=1) >= _BROAD_ENOUGH_PX
    seen = look(images[shown], sizes[shown], views[shown], size) if shown.any() else np.zeros((0, size, size), np.uint8)
    return seen, sides[shown], shown


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


def show_labelled(images, sizes, points, closeup: dict | None, size: int) -> tuple[np.ndarray, np.ndarray]:
    """What the network that measures sees where labels say where the heads are: close-ups, or whole images.

    Parameters
    ----------
    images : ndarray of shape (N, C, C), uint8
        Squeezed.
    sizes : ndarray of shape (N, 2)
        Width and height of the originals.
    points : ndarray of shape (N, 4, 2)
        Landmarks in original pixels.
    closeup : dict or None
        With the ``field`` of `closeups`; None shows whole images.
    size : int
        Pixels a side of the views.

    Returns
    -------
    seen : ndarray of shape (N, size, size), uint8
    places : ndarray of shape (N, 4, 2)
        The landmarks there.
    """
    if closeup is None:
        return squeeze_all(images, size), to_grid(whole_views(sizes), points, size)
    views = closeups(points, closeup["field"])
    return look(images, sizes, views, size), to_grid(views, points, size)


def look(images: np.ndarray, sizes: np.ndarray, views: np.ndarray, size: int) -> np.ndarray:
    """Other views of squeezed images, black where they reach beyond the image.

    Parameters
    ----------
    images : ndarray of shape (N, C, C), uint8
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
