"""Ultrasound images with heads drawn on them, as SVG: part of a page.

Heads are landmarks (4, 2) in original pixels by how they are drawn, class names of overlay.css: ``prediction``,
``second``, ``reference`` or ``truth``; with ``diameters`` the ellipse is left out. A head of NaN is not drawn.
"""

import base64
import math
from collections.abc import Iterable

import cv2
import numpy as np
from markupsafe import Markup

from fetal_biometry.images.image_ref import ImageRef, is_dicom
from fetal_biometry.images.raster import calibration_of, read_grey
from fetal_biometry.images.regions import smallest_region
from fetal_biometry.model.geometry import landmarks_to_ellipse

PAGE_WIDTH_PX = 1024  # most images have no more; some 40 kB each
LARGEST_BYTES = 44_000  # of an embedded picture, some 59 kB as text
_SURROUNDINGS = 1.3  # axes over the head's of the ellipse of a DICOM frame that is shown


def overlay(image: ImageRef, heads: dict[str, np.ndarray], label: str, width_px: int = PAGE_WIDTH_PX) -> Markup:
    """What may be seen of the image, at most `width_px` wide, with heads; `label` is for a screen reader.

    Raises
    ------
    InputError
        When the image cannot be read.
    """
    grey = visible(image, heads.values())
    height, width = grey.shape
    return Markup(
        '<svg class="overlay" viewBox="-0.5 -0.5 {w} {h}" role="img" aria-label="{label}">'
        '<image x="-0.5" y="-0.5" width="{w}" height="{h}" preserveAspectRatio="none" decoding="async" '
        'href="{data}"/>{drawn}</svg>'
    ).format(w=width, h=height, label=label, data=embedded(jpeg(grey, width_px)), drawn=_drawn(heads))


def marks_of(heads: dict[str, np.ndarray], width: int, height: int, name: str) -> Markup:
    """The heads alone, without words, to lie over a picture of an image of this size."""
    return Markup(
        '<svg class="overlay" viewBox="-0.5 -0.5 {w} {h}" data-of="{name}" aria-hidden="true">{drawn}</svg>'
    ).format(w=width, h=height, name=name, drawn=_drawn(heads))


def visible(image: ImageRef, heads: Iterable[np.ndarray], whole_frames: bool = False) -> np.ndarray:
    """What may be seen of an image, in grey.

    A DICOM frame is black but for each head and its surroundings, unless ``whole_frames``: scanners write patients'
    names beside the picture.
    """
    grey = read_grey(image)
    if whole_frames or not is_dicom(image.path):
        return grey
    regions, near = calibration_of(image).regions, np.zeros(grey.shape, dtype=bool)
    for points in filter(is_drawn, heads):
        near |= _surroundings(points, smallest_region(regions, points), grey.shape)
    return np.where(near, grey, 0)


def _surroundings(points: np.ndarray, region: np.ndarray | None, shape: tuple[int, int]) -> np.ndarray:
    """Which pixels, bool of ``shape``, show a head and what is close to it, within the region that holds it."""
    centre, semi_long, semi_short, angle = landmarks_to_ellipse(points)
    axes = 2 * _SURROUNDINGS * semi_long, 2 * _SURROUNDINGS * semi_short
    near = np.zeros(shape, np.uint8)
    cv2.ellipse(near, (centre, axes, math.degrees(angle)), 1, cv2.FILLED)
    if region is not None:
        left, top, right, bottom = np.maximum(region[:4], 0).astype(int)
        near[:top], near[bottom + 1 :], near[:, :left], near[:, right + 1 :] = 0, 0, 0, 0
    return near > 0


def is_drawn(points: np.ndarray) -> bool:
    """Whether there is a head."""
    return bool(np.isfinite(points).all())


def jpeg(grey: np.ndarray, width_px: int) -> bytes:
    """The image as JPEG, at most ``width_px`` wide and `LARGEST_BYTES` long."""
    scale, quality = min(1.0, width_px / grey.shape[1]), 80
    while True:
        shown = grey if scale == 1 else cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        encoded = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        if encoded.size <= LARGEST_BYTES:
            return encoded.tobytes()
        scale, quality = (scale, quality - 15) if quality > 50 else (0.8 * scale, quality)


def embedded(encoded: bytes) -> str:
    """The address of a JPEG that is part of the page."""
    return f"data:image/jpeg;base64,{base64.b64encode(encoded).decode()}"


def image_of(row) -> ImageRef:
    """The image of a table's row; ``frame`` is NaN for the only image of a file."""
    return ImageRef.from_row({"path": row["path"], "frame": row["frame"] if row["frame"] == row["frame"] else ""})


def _drawn(heads: dict[str, np.ndarray]) -> Markup:
    """Ellipse, axes and their ends: an SVG group for each head."""
    marks = Markup("")
    for style, points in heads.items():
        if is_drawn(points):
            (cx, cy), semi_long, semi_short, angle = landmarks_to_ellipse(points)
            ofd_1, ofd_2, bpd_1, bpd_2 = (f"{x:.1f} {y:.1f}" for x, y in points)
            turned = f"translate({cx:.1f} {cy:.1f}) rotate({math.degrees(angle):.2f})"
            outline = f'<ellipse rx="{semi_long:.1f}" ry="{semi_short:.1f}" transform="{turned}"/>'
            marks += Markup(
                f'<g class="{style}">{"" if "diameters" in style else outline}'
                f'<path class="axes" d="M{ofd_1}L{ofd_2}"/><path class="axes bpd" d="M{bpd_1}L{bpd_2}"/>'
                f'<path class="ends" d="M{ofd_1}h.01M{ofd_2}h.01M{bpd_1}h.01M{bpd_2}h.01"/></g>'
            )
    return marks
