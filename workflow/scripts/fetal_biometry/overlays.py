"""Ultrasound images with heads drawn on them, as inline SVG."""

import base64
import math

import cv2
import numpy as np
from markupsafe import Markup

from fetal_biometry.geometry import landmarks_to_ellipse
from fetal_biometry.images import read_grey

REPORT_WIDTH_PX = 640  # as wide as a gallery column gets on a dense screen; about 25 kB an image


def overlay(path, drawn, label: str, width_px: int = REPORT_WIDTH_PX) -> Markup:
    """The image, at most width_px wide, with marks drawn in original pixels; label tells what is seen.

    Raises InputError where it cannot be read.
    """
    image = read_grey(path)
    height, width = image.shape
    scale = min(1.0, width_px / width)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    data = base64.b64encode(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 78])[1]).decode()
    return Markup(
        '<svg class="overlay" viewBox="-0.5 -0.5 {w} {h}" role="img" aria-label="{label}">'
        '<image x="-0.5" y="-0.5" width="{w}" height="{h}" preserveAspectRatio="none" decoding="async" '
        'href="data:image/jpeg;base64,{data}"/>{drawn}</svg>'
    ).format(w=width, h=height, label=label, data=data, drawn=Markup("").join(drawn))


def head_marks(points: np.ndarray, style: str, *, ellipse: bool = True) -> Markup:
    """Axes, their ends and the ellipse of landmarks (4, 2) as an SVG group; empty where one is missing."""
    if not np.isfinite(points).all():
        return Markup("")
    (cx, cy), semi_long, semi_short, angle = landmarks_to_ellipse(points)
    outline = '<ellipse rx="{:.1f}" ry="{:.1f}" transform="translate({:.1f} {:.1f}) rotate({:.2f})"/>'
    ofd_1, ofd_2, bpd_1, bpd_2 = (f"{x:.1f} {y:.1f}" for x, y in points)
    return Markup(
        '<g class="{style}">{outline}<path class="axes" d="M{ofd_1}L{ofd_2}"/>'
        '<path class="axes bpd" d="M{bpd_1}L{bpd_2}"/>'
        '<path class="ends" d="M{ofd_1}h.01M{ofd_2}h.01M{bpd_1}h.01M{bpd_2}h.01"/></g>'
    ).format(
        style=style,
        outline=Markup(outline).format(semi_long, semi_short, cx, cy, math.degrees(angle)) if ellipse else "",
        ofd_1=ofd_1,
        ofd_2=ofd_2,
        bpd_1=bpd_1,
        bpd_2=bpd_2,
    )
