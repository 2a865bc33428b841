"""Heads drawn on images, and what of an image may be seen."""

import base64
import re

import cv2
import numpy as np
import pytest
from test_dicom import region, write

from fetal_biometry.images.image_ref import ImageRef
from fetal_biometry.model.geometry import ellipse_landmarks
from fetal_biometry.report.overlays import overlay, visible

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
    near = shown[45 - 9 : 45 + 9, 60 - 6 : 60 + 6]
    assert near.min() > 150 and shown[:16].max() < 30 and shown[:, :40].max() < 30 and shown[:, 80:].max() < 30
    assert picture(overlay(dicom, {"prediction": NOWHERE}, "no head")).max() < 30
    whole = picture(overlay(png, {"prediction": HEAD}, "a head"))
    assert whole.min() < 100 < whole[:, 150].min()


def test_where_a_head_fills_its_dicom_frame_text_at_the_borders_is_not_shown(tmp_path):
    """A zoomed frame of 800x540 with a head of 450 x 350 pixels in its middle.

    1.3 times its semi axes are 292.5 and 227.5 pixels, so columns 107 to 692 and rows 43 to 497 are seen at most.
    """
    frame = np.full((540, 800), 200, np.uint8)
    for place in ((4, 30), (330, 30), (4, 535), (20, 100)):  # a banner, a status bar, a corner
        cv2.putText(frame, "DOE JANE", place, cv2.FONT_HERSHEY_SIMPLEX, 0.7, 255)
    head = ellipse_landmarks((400, 270), 225, 175, 0.0)
    shown = visible(ImageRef(write(tmp_path / "frame.dcm", frame[None])), [head])
    assert shown.max() == 200 and not shown[:42].any() and not shown[499:].any()
    assert not shown[:, :107].any() and not shown[:, 694:].any() and not shown[60:110, :190].any()
    assert (shown[[270, 270, 96, 444], [176, 624, 400, 400]] == 200).all()  # within the ends of the diameters


def test_of_a_dicom_frame_nothing_beyond_the_head_s_region_is_shown(tmp_path):
    """The smallest region that holds the head; regions of other parts of the frame do not count."""
    frame = np.full((540, 800), 200, np.uint8)
    regions = [region(0, 0, 799, 539, 0.01, 0.01), region(150, 80, 700, 460, 0.01, 0.01), region(0, 0, 99, 99, 1, 1)]
    image = ImageRef(write(tmp_path / "frame.dcm", frame[None], SequenceOfUltrasoundRegions=regions))
    rows, columns = np.nonzero(visible(image, [ellipse_landmarks((400, 270), 225, 175, 0.0), NOWHERE]))
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (150, 693, 80, 460)
    across_its_border = visible(image, [ellipse_landmarks((120, 270), 60, 50, 0.0)])
    assert across_its_border[270, [60, 180]].tolist() == [200, 200]
