"""From the maps that a network draws to landmarks in original pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fetal_biometry.model import head_mask, heatmaps
from fetal_biometry.model.geometry import all_lengths, landmarks_to_ellipse, mean_ellipse, radius_in_ellipse
from fetal_biometry.model.landmarks import canonical
from fetal_biometry.model.views import show, to_original, whole_views

QUALITY = ("confidence", "disagreement", "height", "blur", "moved")  # features of `find_heads`, by column
CONFIDENCE, DISAGREEMENT, HEIGHT, BLUR, MOVED = range(len(QUALITY))
_MASK_SHARE = 0.75  # of the fused ellipse: dozens of cells carry the mask's outline, each landmark rests on a few
_AGREEMENT = 0.1  # of each length; beyond it an end of the landmarks has gone astray, and the mask stands alone
_SCALES = (1.0, 1.5)  # enlargements of the image's middle in test-time augmentation
_UNSURE = 0.15  # disagreement beyond which conditional test-time augmentation takes place; a lower one gains nothing
_LOWEST, _HIGHEST = [CONFIDENCE, HEIGHT], [DISAGREEMENT, BLUR]  # which of several readings' features counts
_NEAREST = 8.0  # side of the smallest view, original pixels

Draw = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Decoding:
    """How maps are read.

    ``decoder``, ``test_time_augmentation`` and ``closer_views`` as in `recipe.Reading`; ``sigma_cells``, standard
    deviation of the heatmaps' Gaussians in cells; ``closer_size``, pixels a side of the closer views.
    """

    decoder: str
    sigma_cells: float
    test_time_augmentation: str = "none"
    closer_views: tuple[float, ...] = ()
    closer_size: int = 0


def find_heads(draw: Draw, images: np.ndarray, sizes: np.ndarray, decoding: Decoding) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks in prepared images.

    Parameters
    ----------
    draw : callable
        The network, from (N, S, S) images to (N, 4 or 5, H, H) maps; S is also the decoding's ``closer_size``.
    images : ndarray of shape (N, S, S), uint8
        See `geometry.fit_square`.
    sizes : ndarray of shape (N, 2)
        Width and height of the originals.

    Returns
    -------
    points : ndarray of shape (N, 4, 2)
        In original pixels and canonical order.
    quality : ndarray of shape (N, 5)
        `QUALITY`: the four features of `locate`, and how far test-time augmentation or the closer views moved the
        landmarks, at most, as a share of the head's radius; NaN without them.
    """
    points, features = locate(draw(images), whole_views(sizes), decoding)
    quality = np.column_stack([features, np.full(len(images), np.nan)])
    unsure = {"none": np.inf, "conditional": _UNSURE, "always": -np.inf}[decoding.test_time_augmentation]
    again = quality[:, DISAGREEMENT] > unsure
    if again.any():
        before = points[again]
        points[again], quality[again, :MOVED] = augmented(draw, images[again], sizes[again], decoding)
        quality[again, MOVED] = farthest(before, points[again])
    return _look_closer(draw, images, sizes, points, quality, decoding) if decoding.closer_views else (points, quality)


def _look_closer(draw: Draw, images, sizes, points, quality, decoding: Decoding) -> tuple[np.ndarray, np.ndarray]:
    """Heads read again from views of their own size: the mean ellipse of these readings.

    A reading whose mask is empty does not count; the first reading counts where all are. Of each quality feature the
    worst of all readings counts.
    """
    found, read = points.copy(), np.zeros(len(points))
    for share in decoding.closer_views:
        views = head_views(points, share)
        closer, features = locate(draw(show(images, sizes, views, decoding.closer_size)), views, decoding)
        drawn = features[:, DISAGREEMENT] < 1
        read += drawn
        mean = mean_ellipse(found, closer, 1 / np.maximum(read, 1))
        found = np.where(drawn[:, None, None], mean, found)
        quality[:, _LOWEST] = np.minimum(quality[:, _LOWEST], features[:, _LOWEST])
        quality[:, _HIGHEST] = np.maximum(quality[:, _HIGHEST], features[:, _HIGHEST])
    quality[:, MOVED] = np.fmax(quality[:, MOVED], farthest(points, found))
    return found, quality


def head_views(heads: np.ndarray, share: float) -> np.ndarray:
    """Views (N, 2, 3) centred on heads, landmarks (N, 4, 2), whose longer diameter spans a share of the side."""
    centre, semi_long, _, _ = landmarks_to_ellipse(heads)
    side = np.maximum(2 * semi_long / share, _NEAREST)
    views = np.zeros((len(heads), 2, 3))
    views[:, 0, 0] = views[:, 1, 1] = side
    views[:, :, 2] = centre - side[:, None] / 2
    return views


def augmented(draw: Draw, images: np.ndarray, sizes: np.ndarray, decoding: Decoding) -> tuple[np.ndarray, np.ndarray]:
    """Test-time augmentation: mean maps over four flips, at each scale; of these the sharpest head counts."""
    found = []
    for scale in _SCALES:
        views = whole_views(sizes, scale)
        seen = images if scale == 1 else show(images, sizes, views, images.shape[1])
        found.append(locate(average_flips(draw, seen), views, decoding))
    return sharpest(*(np.stack(part) for part in zip(*found, strict=True)))


def sharpest(points: np.ndarray, quality: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of K attempts (K, N, ...) at each image the one with the sharpest head mask."""
    undrawn = quality[..., DISAGREEMENT] == 1
    best, each = np.where(undrawn, np.inf, quality[..., BLUR]).argmin(axis=0), np.arange(points.shape[1])
    return points[best, each], quality[best, each]


def farthest(points: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """How far landmarks lie from another head's ellipse, at most, as a share of its radius, (N,)."""
    return np.abs(radius_in_ellipse(points, heads) - 1).max(axis=1)


def locate(maps: np.ndarray, views: np.ndarray, decoding: Decoding) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks of images whose maps a network drew.

    Parameters
    ----------
    maps : ndarray of shape (N, 4 or 5, H, H)
        Four heatmaps, and the head mask where the network draws it.
    views : ndarray of shape (N, 2, 3)
        What the maps cover, see `views`.
    decoding : Decoding
        ``decoder`` is one of `heatmaps.decode`, or ``fused``: an ellipse between that of the ``paired`` landmarks and
        that of the mask's outline. Where the two disagree the mask stands alone, where it is empty the landmarks.

    Returns
    -------
    points : ndarray of shape (N, 4, 2)
        In original pixels and canonical order.
    quality : ndarray of shape (N, 4)
        The first four of `QUALITY`: confidence of the heatmaps, 0 to 1; disagreement of the two estimates, the
        farthest of the heatmaps' landmarks from the mask's outline as a share of its radius, 1 where the mask is empty;
        height and blur of the mask, see `head_mask.appearance`. NaN where the decoder reads no mask.
    """
    quality, fused = np.full((len(maps), 4), np.nan), decoding.decoder == "fused"
    decoder = "paired" if fused else decoding.decoder
    points, quality[:, CONFIDENCE] = heatmaps.decode(maps[:, :4], decoder, decoding.sigma_cells)
    points = canonical(to_original(views, points, maps.shape[-1]))
    if fused:
        heads = head_mask.decode(maps[:, 4], views)
        drawn = np.isfinite(heads).all(axis=(1, 2))
        heads = np.where(drawn[:, None, None], heads, points)
        quality[:, DISAGREEMENT] = np.where(drawn, farthest(points, heads), 1.0)
        quality[:, HEIGHT : BLUR + 1] = head_mask.appearance(maps[:, 4])
        agree = np.abs(all_lengths(points) / np.maximum(all_lengths(heads), 1e-9) - 1).max(axis=1) < _AGREEMENT
        points = mean_ellipse(points, heads, np.where(agree, _MASK_SHARE, 1.0))
    return points, quality


def locate_coordinates(fractions: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Landmarks, as of `locate`, of a network that gives coordinates as (N, 4, 2) fractions of the frame."""
    return canonical(to_original(whole_views(sizes), fractions.astype(float) - 0.5, 1))


def average_flips(draw: Draw, images: np.ndarray) -> np.ndarray:
    """Maps of images, averaged over their four flips.

    Parameters
    ----------
    draw : callable
        From (N, S, S) images to (N, 4 or 5, H, H) maps.
    images : ndarray of shape (N, S, S)

    Returns
    -------
    ndarray of the maps' shape

    Notes
    -----
    Across x the left and the right end of the OFD change places, across y the upper and the lower of the BPD.
    """
    total = 0.0
    for across_y in (False, True):
        for across_x in (False, True):
            axes = (-2,) * across_y + (-1,) * across_x
            maps = np.flip(draw(np.ascontiguousarray(np.flip(images, axes))), axes)
            order = [*((1, 0) if across_x else (0, 1)), *((3, 2) if across_y else (2, 3)), *range(4, maps.shape[1])]
            total = total + maps[:, order] / 4
    return total
