"""Landmarks to Gaussian heatmaps and back: encode and decode, nothing else.

Heatmaps live on a grid whose cell is ``stride`` pixels of the resized image; grid points follow the same
pixel-centre convention, so `geometry.resize_points` maps between original image and grid.
"""

import numpy as np

_FLOOR = 1e-12  # keeps the logarithm finite where a heatmap is exactly zero
_SHORTEST = 0.15  # of the grid's side: no diameter is shorter; HC18's shortest spans 0.19


def encode(points: np.ndarray, size: int, sigma: float) -> np.ndarray:
    """Render Gaussians of height 1.

    Parameters
    ----------
    points : ndarray of shape (N, 4, 2)
        ``(x, y)`` in grid cells; may lie between cells or outside the grid.
    size : int
        Cells a side.
    sigma : float
        Standard deviation in cells.

    Returns
    -------
    ndarray of shape (N, 4, size, size), float32
    """
    cells = np.arange(size)
    profile = np.exp(-((cells - np.asarray(points, dtype=float)[..., None]) ** 2) / (2 * sigma**2))
    return (profile[..., 1, :, None] * profile[..., 0, None, :]).astype(np.float32)


def decode(heatmaps: np.ndarray, decoder: str, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Find the landmarks in heatmaps.

    Parameters
    ----------
    heatmaps : ndarray of shape (N, 4, H, W)
        Non-negative scores, in the order of `landmarks.LANDMARKS`.
    decoder : {'argmax', 'subpixel', 'paired'}
        ``argmax`` takes each channel's highest cell. ``subpixel`` moves on from there to the summit of the
        quadratic through the logarithm of the 3 x 3 cells around it, exact for a Gaussian (DARK, Zhang et
        al., CVPR 2020). ``paired`` does the same on the two highest peaks, 0.15 of the grid apart, of each
        diameter's summed channels: which end is the left one is then no question put to the network, which
        cannot answer it for an upright axis.
    sigma : float
        Standard deviation in cells.

    Returns
    -------
    points : ndarray of shape (N, 4, 2)
        ``(x, y)`` in grid cells.
    confidence : ndarray of shape (N,)
        The lowest of the four peaks' share of its channel's mass within three sigma, 0 to 1.
    """
    heatmaps = np.asarray(heatmaps, dtype=np.float32)
    if decoder == "paired":
        diameters = heatmaps[:, 0::2] + heatmaps[:, 1::2]
        first = _highest_cell(diameters)
        near = _disc(first, diameters.shape[2:], _SHORTEST * diameters.shape[3])
        second = _highest_cell(np.where(near, -1, diameters))
        points = np.stack([first, second], axis=2)
        shares = np.stack([_share(diameters, first, sigma), _share(diameters, second, sigma)])
        confidence = np.clip(2 * shares.min(axis=(0, 2)), 0, 1)
        maps = np.repeat(diameters, 2, axis=1)
        cells = points.reshape(len(points), 4, 2)
        return cells + _summit_offset(maps, cells), confidence
    cells = _highest_cell(heatmaps)
    confidence = _share(heatmaps, cells, sigma).min(axis=1)
    return cells + (_summit_offset(heatmaps, cells) if decoder == "subpixel" else 0.0), confidence


def _highest_cell(maps: np.ndarray) -> np.ndarray:
    """``(x, y)`` of the maximum of each ``(N, C, H, W)`` map, as (N, C, 2) integers."""
    flat = maps.reshape(*maps.shape[:2], -1).argmax(axis=-1)
    return np.stack([flat % maps.shape[3], flat // maps.shape[3]], axis=-1)


def _disc(centres: np.ndarray, shape, radius: float) -> np.ndarray:
    """Cells within a radius of (N, C, 2) centres, as a boolean (N, C, H, W)."""
    dy = np.arange(shape[0])[:, None] - centres[..., 1, None, None]
    dx = np.arange(shape[1])[None, :] - centres[..., 0, None, None]
    return dx**2 + dy**2 <= radius**2


def _share(maps: np.ndarray, centres: np.ndarray, sigma: float) -> np.ndarray:
    """Share of each map's mass within three sigma of its centre, (N, C)."""
    inside = np.where(_disc(centres, maps.shape[2:], 3 * sigma), maps, 0).sum(axis=(2, 3))
    return inside / np.maximum(maps.sum(axis=(2, 3)), _FLOOR)


def _summit_offset(maps: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Newton step on the log map from each cell to the nearby summit, at most 1.5 cells along each axis.

    A cell on the grid's border has no neighbours beyond: the quadratic is then the one of the cell next to
    it, from which the step may lead outside. Without a summit (log map not concave) the step is zero.
    """
    height, width = maps.shape[2:]
    x = np.clip(cells[..., 0], 1, width - 2)
    y = np.clip(cells[..., 1], 1, height - 2)
    n, c = np.ogrid[: maps.shape[0], : maps.shape[1]]

    def log_at(dx, dy):
        return np.log(np.maximum(maps[n, c, y + dy, x + dx], _FLOOR)).astype(float)

    middle, left, right, up, down = log_at(0, 0), log_at(-1, 0), log_at(1, 0), log_at(0, -1), log_at(0, 1)
    gx, gy = (right - left) / 2, (down - up) / 2
    xx, yy = right - 2 * middle + left, down - 2 * middle + up
    xy = (log_at(1, 1) - log_at(1, -1) - log_at(-1, 1) + log_at(-1, -1)) / 4
    determinant = xx * yy - xy**2
    concave = (xx < 0) & (determinant > 1e-9)
    safe = np.where(concave, determinant, 1.0)
    step = np.stack([(xy * gy - yy * gx) / safe, (xy * gx - xx * gy) / safe], axis=-1)
    step = np.where(concave[..., None], np.clip(step, -1.5, 1.5), 0.0)
    return np.where(concave[..., None], np.stack([x, y], axis=-1) - cells + step, 0.0)
