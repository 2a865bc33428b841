"""Ultrasound images with heads drawn on them, as SVG: part of a page, or a file of its own."""

import base64
import functools
import math
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np
from markupsafe import Markup

from fetal_biometry.digests import digest
from fetal_biometry.images.image_ref import file_and_frame, is_dicom
from fetal_biometry.images.raster import read_grey
from fetal_biometry.model.geometry import landmarks_to_ellipse

PAGE_WIDTH_PX = 1024  # most images have no more; some 40 kB each
_LONGEST_NAME = 200  # bytes; file systems take 255 with ending and all
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


def overlay(path, heads: list[DrawnHead], label: str, width_px: int | None = PAGE_WIDTH_PX) -> Markup:
    """The image, at most `width_px` wide, with heads drawn in original pixels; `label` tells what is seen.

    Of a DICOM frame only the surroundings of the heads are shown: scanners write patients' names beside the picture.

    Raises
    ------
    InputError
        When the image cannot be read.
    """
    heads = [head for head in heads if head]
    image = read_grey(path)
    if is_dicom(file_and_frame(path)[0]):
        image = _without_margins(image, heads)
    height, width = image.shape
    if width_px and width > width_px:
        image = cv2.resize(image, None, fx=width_px / width, fy=width_px / width, interpolation=cv2.INTER_AREA)
    data = base64.b64encode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 75])[1]).decode()
    return Markup(
        '<svg class="overlay" viewBox="-0.5 -0.5 {w} {h}" role="img" aria-label="{label}">'
        '<image x="-0.5" y="-0.5" width="{w}" height="{h}" preserveAspectRatio="none" decoding="async" '
        'href="data:image/jpeg;base64,{data}"/>{drawn}</svg>'
    ).format(w=width, h=height, label=label, data=data, drawn=Markup("").join(map(_marks, heads)))


def overlay_document(path, heads: list[DrawnHead], label: str) -> str:
    """The `overlay` at full resolution as an SVG file's text."""
    drawn = overlay(path, heads, label, width_px=None)
    opening = Markup('<svg xmlns="http://www.w3.org/2000/svg" ')
    return drawn.replace(Markup("<svg "), opening, 1).replace(Markup("</svg>"), _style() + Markup("</svg>"))


@functools.cache
def _style() -> Markup:
    return Markup(f"<style>{Path(__file__).with_name('overlay.css').read_text(encoding='utf-8')}</style>")


def overlay_name(image_name: str) -> str:
    """The file name of an image's overlay; a separator or dots in the image's name lead nowhere else.

    Of a name that is too long for a file when encoded, the end becomes a digest.
    """
    encoded = quote(image_name, safe=" #")
    if len(encoded) > _LONGEST_NAME:
        encoded = f"{encoded[: _LONGEST_NAME - 17]}~{digest(image_name)}"
    return f"{encoded}.svg"


def _without_margins(image: np.ndarray, heads: list[DrawnHead]) -> np.ndarray:
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
