"""Pixel mapping, lengths, head circumference, and the ellipse that the landmarks span.

Points are ``(x, y)`` with pixel centres at integers, as in OpenCV.
"""

import cv2
import numpy as np

from fetal_biometry.model.landmarks import canonical

UNSCALED = (1.0, 1.0)  # OFD and BPD left as they are
_LONGEST = 2**13  # side of a square that has as many pixels as the largest image


def resize_points(points: np.ndarray, from_size, to_size) -> np.ndarray:
    """Map points of an image resized from one ``(width, height)`` to another.

    ``x' = (x + 0.5) * w'/w - 0.5``, and exactly back when the sizes are exchanged. Sizes are array-likes of
    shape (2,), or (N, 1, 2) for ``(N, 4, 2)`` points of images of differing sizes.

    Examples
    --------
    >>> resize_points(np.array([[0.0, 0.0], [799.0, 539.0]]), (800, 540), (256, 256)).round(2).tolist()
    [[-0.34, -0.26], [255.34, 255.26]]
    """
    scale = np.asarray(to_size, dtype=float) / np.asarray(from_size, dtype=float)
    return (np.asarray(points, dtype=float) + 0.5) * scale - 0.5


def fit_square(image: np.ndarray, size: int) -> np.ndarray:
    """All of a grey image on ``size`` x ``size`` pixels, averaging over areas, centred between black margins.

    One scale serves both axes. Lengths are never taken in this grid.
    """
    if image.shape == (size, size):
        return image
    if image.shape[0] != image.shape[1]:
        if max(image.shape) > _LONGEST:  # the square around a long strip would not fit into memory
            width, height = (max(1, round(side * _LONGEST / max(image.shape))) for side in image.shape[::-1])
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        height, width = image.shape
        (left, top), side = margins((width, height)), max(height, width)
        right, bottom = side - width - left, side - height - top
        image = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=0)
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)


def margins(sizes) -> np.ndarray:
    """Original pixels left of and above images of ``(width, height)`` that are centred in a square, (..., 2)."""
    sizes = np.asarray(sizes, dtype=int)
    return (sizes.max(axis=-1, keepdims=True) - sizes) // 2


def without_margins(image: np.ndarray, size) -> np.ndarray:
    """What `fit_square` shows of an image of ``(width, height)``, without the margins."""
    side, (left, top) = max(size), margins(size)
    ends = (np.array([left, top, left + size[0], top + size[1]]) * image.shape[0] / side).round().astype(int)
    return image[ends[1] : max(ends[3], ends[1] + 1), ends[0] : max(ends[2], ends[0] + 1)]


def contrast(image: np.ndarray) -> float:
    """How far the grey levels of an image (H, W), uint8, reach: from darkest to brightest hundredth, 0 to 1.

    Examples
    --------
    >>> contrast(np.tile(np.arange(256, dtype=np.uint8), (8, 1)))
    0.9804
    """
    shares = np.cumsum(np.bincount(image[::2, ::2].ravel(), minlength=256)) / image[::2, ::2].size
    dark, bright = np.searchsorted(shares, [0.01, 0.99])
    return round(float(bright - dark) / 255, 4)


def head_lengths(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """BPD and OFD of ``(..., 4, 2)`` landmarks, in the unit of the points."""
    points = np.asarray(points, dtype=float)
    ofd = np.linalg.norm(points[..., 1, :] - points[..., 0, :], axis=-1)
    bpd = np.linalg.norm(points[..., 3, :] - points[..., 2, :], axis=-1)
    return bpd, ofd


def head_circumference(bpd, ofd):
    """Perimeter of the ellipse whose axes are BPD and OFD, in their unit.

    Ramanujan's second approximation (Modular equations and approximations to pi, 1914); its relative error
    is below 1e-6 for every head shape.

    Examples
    --------
    >>> bool(np.isclose(head_circumference(2.0, 2.0), 2 * np.pi))
    True
    """
    a, b = np.asarray(ofd, dtype=float) / 2, np.asarray(bpd, dtype=float) / 2
    total = a + b
    h = np.divide((a - b) ** 2, total**2, out=np.zeros_like(total), where=total > 0)
    return np.pi * total * (1 + 3 * h / (10 + np.sqrt(4 - 3 * h)))


def all_lengths(points: np.ndarray) -> np.ndarray:
    """BPD, OFD and HC of ``(..., 4, 2)`` landmarks as ``(..., 3)``, in the unit of the points."""
    bpd, ofd = head_lengths(points)
    return np.stack([bpd, ofd, head_circumference(bpd, ofd)], axis=-1)


def misalignment(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far two diameters are from being an ellipse's axes.

    Returns
    -------
    apart : ndarray of shape (...)
        Distance between the diameters' midpoints over their mean length; 0 on an ellipse.
    skew_deg : ndarray of shape (...)
        Degrees off the right angle between them; 0 on an ellipse.
    """
    points = np.asarray(points, dtype=float)
    bpd, ofd = head_lengths(points)
    apart = np.linalg.norm(points[..., :2, :].mean(axis=-2) - points[..., 2:, :].mean(axis=-2), axis=-1)
    along, across = points[..., 1, :] - points[..., 0, :], points[..., 3, :] - points[..., 2, :]
    cosine = np.abs((along * across).sum(axis=-1)) / np.maximum(bpd * ofd, 1e-9)
    return apart / np.maximum((bpd + ofd) / 2, 1e-9), np.rad2deg(np.arcsin(np.clip(cosine, 0, 1)))


def ellipse_landmarks(centre, semi_long: float, semi_short: float, angle_rad: float) -> np.ndarray:
    """Ends of an ellipse's two axes as ``(4, 2)`` landmarks.

    ``angle_rad`` is that of the long axis against the image's x axis, y pointing down.
    """
    along = np.array([np.cos(angle_rad), np.sin(angle_rad)])
    across = np.array([-along[1], along[0]])
    offsets = np.stack([-semi_long * along, semi_long * along, -semi_short * across, semi_short * across])
    return canonical(np.asarray(centre, dtype=float) + offsets)


def landmarks_to_ellipse(points: np.ndarray):
    """The ellipse that four landmarks span: ``centre (..., 2), semi_long, semi_short, angle_rad``.

    Centre is the mean of the four points, the angle that of the longer diameter in (-pi/2, pi/2].
    """
    points = np.asarray(points, dtype=float)
    bpd, ofd = head_lengths(points)
    longer = np.where(
        (ofd >= bpd)[..., None], points[..., 1, :] - points[..., 0, :], points[..., 3, :] - points[..., 2, :]
    )
    angle = np.arctan2(longer[..., 1], longer[..., 0])
    angle = np.where(angle > np.pi / 2, angle - np.pi, np.where(angle <= -np.pi / 2, angle + np.pi, angle))
    return points.mean(axis=-2), np.maximum(bpd, ofd) / 2, np.minimum(bpd, ofd) / 2, angle


def reach(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Upper left and lower right corner, (N, 2), of the box around the ellipse that landmarks (N, 4, 2) span."""
    centre, halves = points.mean(axis=1), (points[:, 1::2] - points[:, 0::2]) / 2
    half_box = np.hypot(halves[:, 0], halves[:, 1])
    return centre - half_box, centre + half_box


def scale_diameters(points: np.ndarray, factors) -> np.ndarray:
    """Both ends of each diameter of (N, 4, 2) landmarks moved apart about their middle, by a factor each: OFD, BPD."""
    ends = points.reshape(-1, 2, 2, 2)
    middle = ends.mean(axis=2, keepdims=True)
    return (middle + (ends - middle) * np.reshape(factors, (2, 1, 1))).reshape(points.shape)


def mean_ellipse(first: np.ndarray, second: np.ndarray, share=0.5) -> np.ndarray:
    """Axes of an ellipse between two that landmarks span.

    Centres are averaged, and so are the symmetric matrices that turn the unit circle into each ellipse: axes of
    one direction average their lengths, and the direction of a nearly round ellipse weighs next to nothing.

    Parameters
    ----------
    first, second : ndarray of shape (N, 4, 2)
    share : float or ndarray of shape (N,)
        Weight of the second, 0 to 1.

    Returns
    -------
    ndarray of shape (N, 4, 2)
        In canonical order; the longer axis is the OFD.
    """
    share = np.broadcast_to(share, len(first))[:, None]
    shape = (1 - share[..., None]) * _shape(first) + share[..., None] * _shape(second)
    lengths, directions = np.linalg.eigh(shape)
    axes = lengths[:, None, :] * directions
    centre = (1 - share) * np.mean(first, axis=1) + share * np.mean(second, axis=1)
    offsets = np.stack([-axes[..., 1], axes[..., 1], -axes[..., 0], axes[..., 0]], axis=1)
    return canonical(centre[:, None] + offsets)


def _shape(points: np.ndarray) -> np.ndarray:
    """The symmetric (N, 2, 2) matrix that maps the unit circle onto the ellipse of two conjugate diameters."""
    half = (points[:, 1::2] - points[:, 0::2]) / 2
    squares, directions = np.linalg.eigh(half.transpose(0, 2, 1) @ half)
    return directions * np.sqrt(np.maximum(squares, 0))[:, None, :] @ directions.transpose(0, 2, 1)


def radius_in_ellipse(points: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """Where points lie in the ellipse that other landmarks span: 0 at its centre, 1 on it.

    Parameters
    ----------
    points : ndarray of shape (N, K, 2)
    heads : ndarray of shape (N, 4, 2)

    Returns
    -------
    ndarray of shape (N, K)
    """
    centre, semi_long, semi_short, angle = landmarks_to_ellipse(heads)
    offset = np.asarray(points, dtype=float) - centre[:, None]
    cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
    along = (cosine * offset[..., 0] + sine * offset[..., 1]) / np.maximum(semi_long, 1e-9)[:, None]
    across = (cosine * offset[..., 1] - sine * offset[..., 0]) / np.maximum(semi_short, 1e-9)[:, None]
    return np.hypot(along, across)


def fit_outline(outline: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """Landmarks of the ellipse through five or more points, its semi axes longer by a margin.

    Parameters
    ----------
    outline : ndarray of shape (K, 2) or (K, 1, 2)
    margin : float
        In the unit of the points.

    Returns
    -------
    ndarray of shape (4, 2)

    Raises
    ------
    ValueError
        When the points span no ellipse.
    """
    centre, axes, angle_deg = cv2.fitEllipse(np.asarray(outline, dtype=np.float32))
    semi = np.array(axes) / 2 + margin
    if not np.isfinite(semi).all() or semi.min() < 1:
        raise ValueError("the points span no ellipse")
    angle = np.deg2rad(angle_deg) + (np.pi / 2 if semi[1] > semi[0] else 0.0)
    return ellipse_landmarks(centre, semi.max(), semi.min(), angle)


def fit_annotation(annotation: np.ndarray) -> np.ndarray:
    """Landmarks of the ellipse drawn in an annotation image.

    Parameters
    ----------
    annotation : ndarray of shape (H, W), uint8
        A head marked by its brightest pixels, as an outline (whole, cut or dashed) or as a filled mask.

    Returns
    -------
    ndarray of shape (4, 2)

    Raises
    ------
    ValueError
        When fewer than five pixels are marked, or they span no ellipse.

    Notes
    -----
    An outline's pixels scatter evenly about the drawn curve, so the fit runs over all of them. A filled
    mask's border pixels have their centres half a pixel inside the curve, which is added back; those on the
    image's border show where the picture ends, not the head, and are left out.
    """
    marked = (annotation > annotation.max() / 2).astype(np.uint8)
    if marked.sum() < 5:
        raise ValueError("fewer than five marked pixels, no ellipse to fit")
    outline = cv2.findNonZero(marked)
    filled = marked.sum() > 0.5 * cv2.contourArea(cv2.convexHull(outline))
    if filled:
        contours, _ = cv2.findContours(marked, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        outline = max(contours, key=len)
        edge = np.array(marked.shape[::-1]) - 1
        outline = outline[((outline > 0) & (outline < edge)).all(axis=(1, 2))]
        if len(outline) < 5:
            raise ValueError("fewer than five outline pixels, no ellipse to fit")
    return fit_outline(outline, 0.5 if filled else 0.0)
