"""What a network is to draw or to say: Gaussians at the four landmarks and the head's mask, or the coordinates."""

from __future__ import annotations

import numpy as np

from fetal_biometry.model import head_mask, heatmaps
from fetal_biometry.model.views import to_grid, whole_views
from fetal_biometry.recipe import Network, Training


def target_shape(network: Network, image_size: int) -> tuple[int, ...]:
    """Of one image's target."""
    if network.kind == "direct":
        return (4, 2)
    cells = image_size // network.stride
    return (5 if network.head_mask else 4, cells, cells)


def target_type(network: Network) -> type:
    """Of numbers: half precision is enough for maps, and not for coordinates."""
    return np.float32 if network.kind == "direct" else np.float16


def render_targets(points: np.ndarray, sizes: np.ndarray, network: Network, training: Training, image_size: int):
    """Targets of whole images.

    Parameters
    ----------
    points : ndarray of shape (N, 4, 2)
        Landmarks in original pixels.
    sizes : ndarray of shape (N, 2)
        Original width and height.

    Returns
    -------
    ndarray of shape (N, *target_shape), of `target_type`
        Four heatmaps of height 1 and, where the network draws it, the head mask; or the landmarks as fractions of the
        frame.
    """
    if network.kind == "direct":
        return ((to_grid(whole_views(sizes), points, image_size) + 0.5) / image_size).astype(target_type(network))
    cells = image_size // network.stride
    places = to_grid(whole_views(sizes), points, cells)
    maps = heatmaps.encode(places, cells, training.sigma_px / network.stride)
    if network.head_mask:
        maps = np.concatenate([maps, head_mask.encode(places, cells)[:, None]], axis=1)
    return maps.astype(target_type(network))
