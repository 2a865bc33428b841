"""Heads drawn on images, and what of an image may be seen."""

import base64
import re

import cv2
import numpy as np
import pytest
from test_dicom import write

from fetal_biometry.images.image_ref import ImageRef
from fetal_biometry.model.geometry import ellipse_landmarks
from fetal_biometry.report.overlays import overlay

HEAD = ellipse_landmarks((60, 45), 12, 9, 0.0)
NOWHERE = np.full((4, 2), np.nan)


def picture(svg: str) -> np.ndarray:
    """The grey image of an overlay."""
    data = base64.b64decode(re.search(r"data:image/jpeg;base64,([^\"]+)", svg)[1])
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)


@pytest.fixture
def bright(tmp_path):
    """The same bright frame, with a line of text at its top, as DICOM and as PNG."""
    frame = np.full((100, 160), 200, np.uint8)
    cv2.putText(frame, "DOE JANE", (4, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 0)
    cv2.imwrite(str(tmp_path / "frame.png"), frame)
    return ImageRef(write(tmp_path / "frame.dcm", frame[None])), ImageRef(tmp_path / "frame.png")


def test_of_a_dicom_frame_only_the_surroundings_of_heads_are_drawn(bright):
    dicom, png = bright
    shown = picture(overlay(dicom, {"prediction": HEAD, "reference": NOWHERE}, "a head"))
    near = shown[45 - 23 : 45 + 23, 60 - 23 : 60 + 23]
    assert near.min() > 150 and shown[:16].max() < 30 and shown[:, :32].max() < 30 and shown[:, 90:].max() < 30
    assert picture(overlay(dicom, {"prediction": NOWHERE}, "no head")).max() < 30
    whole = picture(overlay(png, {"prediction": HEAD}, "a head"))
    assert whole.min() < 100 < whole[:, 150].min()
