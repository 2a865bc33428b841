"""Ultrasound images with heads drawn on them, as SVG: part of a page."""

import base64
import math
from dataclasses import dataclass

import cv2
import numpy as np
from markupsafe import Markup

from fetal_biometry.images.image_ref import ImageRef, is_dicom
from fetal_biometry.images.raster import read_grey
from fetal_biometry.model.geometry import landmarks_to_ellipse

PAGE_WIDTH_PX = 1024  # most images have no more; some 40 kB each
LARGEST_BYTES = 44_000  # of an embedded picture, some 59 kB as text
_SURROUNDINGS = 2.0  # side over the OFD of the part of a DICOM frame that is shown


@dataclass(frozen=True)
class DrawnHead:
    """Landmarks (4, 2) in original pixels, NaN where there are none, and how they are drawn.

    ``style`` holds class names of overlay.css: ``prediction``, ``reference`` or ``truth``.
    """

    points: np.ndarray
    style: str
    ellipse: bool = True

    def __bool__(self) -> bool:
        return bool(np.isfinite(self.points).all())


def overlay(image: ImageRef, heads: list[DrawnHead], label: str, width_px: int = PAGE_WIDTH_PX) -> Markup:
    """The image, at most `width_px` wide, with heads drawn in original pixels; `label` is for a screen reader.

    A DICOM frame is black but for the heads' surroundings: scanners write patients' names beside the picture.

    Raises
    ------
    InputError
        When the image cannot be read.
    """
    heads = [head for head in heads if head]
    grey = read_grey(image)
    if is_dicom(image.path):
        grey = surroundings(grey, heads)
    height, width = grey.shape
    data = base64.b64encode(jpeg(grey, width_px)).decode()
    return Markup(
        '<svg class="overlay" viewBox="-0.5 -0.5 {w} {h}" role="img" aria-label="{label}">'
        '<image x="-0.5" y="-0.5" width="{w}" height="{h}" preserveAspectRatio="none" decoding="async" '
        'href="data:image/jpeg;base64,{data}"/>{drawn}</svg>'
    ).format(w=width, h=height, label=label, data=data, drawn=Markup("").join(map(_marks, heads)))


def jpeg(grey: np.ndarray, width_px: int) -> bytes:
    """The image as JPEG, at most ``width_px`` wide and `LARGEST_BYTES` long."""
    scale, quality = min(1.0, width_px / grey.shape[1]), 80
    while True:
        shown = grey if scale == 1 else cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        encoded = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        if encoded.size <= LARGEST_BYTES:
            return encoded.tobytes()
        scale, quality = (scale, quality - 15) if quality > 50 else (0.8 * scale, quality)


def marks_of(heads: list[DrawnHead], width: int, height: int, name: str) -> Markup:
    """The heads alone, without words, to lie over a picture of an image of this size."""
    return Markup(
        '<svg class="overlay" viewBox="-0.5 -0.5 {w} {h}" data-of="{name}" aria-hidden="true">{drawn}</svg>'
    ).format(w=width, h=height, name=name, drawn=Markup("").join(_marks(head) for head in heads if head))


def image_of(row) -> ImageRef:
    """The image of a table's row; ``frame`` is NaN for the only image of a file."""
    return ImageRef.from_row({"path": row["path"], "frame": row["frame"] if row["frame"] == row["frame"] else ""})


def surroundings(image: np.ndarray, heads: list[DrawnHead]) -> np.ndarray:
    """The image, black but for a square around each head."""
    shown = np.zeros_like(image)
    for head in heads:
        centre, semi_long, _, _ = landmarks_to_ellipse(head.points)
        left, top = np.maximum(np.floor(centre - _SURROUNDINGS * semi_long), 0).astype(int)
        right, bottom = np.maximum(np.ceil(centre + _SURROUNDINGS * semi_long), 0).astype(int)
        shown[top:bottom, left:right] = image[top:bottom, left:right]
    return shown


def _marks(head: DrawnHead) -> Markup:
    """Axes, their ends and the ellipse of a head as an SVG group."""
    (cx, cy), semi_long, semi_short, angle = landmarks_to_ellipse(head.points)
    outline = '<ellipse rx="{:.1f}" ry="{:.1f}" transform="translate({:.1f} {:.1f}) rotate({:.2f})"/>'
    ofd_1, ofd_2, bpd_1, bpd_2 = (f"{x:.1f} {y:.1f}" for x, y in head.points)
    return Markup(
        '<g class="{style}">{outline}<path class="axes" d="M{ofd_1}L{ofd_2}"/>'
        '<path class="axes bpd" d="M{bpd_1}L{bpd_2}"/>'
        '<path class="ends" d="M{ofd_1}h.01M{ofd_2}h.01M{bpd_1}h.01M{bpd_2}h.01"/></g>'
    ).format(
        style=head.style,
        outline=Markup(outline).format(semi_long, semi_short, cx, cy, math.degrees(angle)) if head.ellipse else "",
        ofd_1=ofd_1,
        ofd_2=ofd_2,
        bpd_1=bpd_1,
        bpd_2=bpd_2,
    )
