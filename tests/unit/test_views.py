"""Views: the whole image between margins, its middle, and the way from one to the other."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetal_biometry.model.geometry import all_lengths, ellipse_landmarks, fit_square
from fetal_biometry.model.views import (
    between,
    show,
    to_grid,
    to_original,
    whole_views,
)

SIZES = np.array([[800, 540], [640, 480], [540, 800]])
HEADS = np.stack(
    [
        ellipse_landmarks((420, 250), 150, 115, 0.7),
        ellipse_landmarks((300, 260), 120, 118, -1.4),
        ellipse_landmarks((260, 500), 170, 130, 1.2),
    ]
)
sides = st.integers(32, 2000)


@given(sides, sides, st.sampled_from([16, 64, 256]), st.floats(-200, 2200), st.floats(-200, 2200))
def test_a_point_goes_to_the_grid_and_exactly_back(width, height, cells, x, y):
    views, points = whole_views(np.array([[width, height]])), np.array([[[x, y]]])
    back = to_original(views, to_grid(views, points, cells), cells)
    assert np.abs(back - points).max() < 1e-9


@given(sides, sides)
def test_one_scale_serves_both_axes_and_the_frame_lies_inside(width, height):
    """The longer side fills the grid; the margins of the other are alike to a pixel of the original."""
    corners = np.array([[[-0.5, -0.5], [width - 0.5, height - 0.5]]])
    (first, last) = to_grid(whole_views(np.array([[width, height]])), corners, 256)[0]
    scale = 256 / max(width, height)
    assert last - first == pytest.approx(np.array([width, height]) * scale)
    assert (first >= -0.5 - 1e-9).all() and (last <= 255.5 + 1e-9).all()
    assert np.abs((first + 0.5) - (255.5 - last)).max() <= scale + 1e-9


@pytest.mark.parametrize("size", [(800, 540), (539, 800), (801, 540), (300, 300), (256, 256)])
def test_an_image_shows_a_spot_where_the_view_says(size):
    """A square of nine pixels: its centre of mass is found again, to a twentieth of a pixel of the square."""
    width, height = size
    for x, y in ((20, 30), (width // 2, height // 2), (width - 25, height - 12)):
        image = np.zeros((height, width), np.uint8)
        image[y - 4 : y + 5, x - 4 : x + 5] = 250
        seen = fit_square(image, 256).astype(float)
        rows, columns = np.indices(seen.shape)
        centre = np.array([(seen * columns).sum(), (seen * rows).sum()]) / seen.sum()
        assert centre == pytest.approx(to_grid(whole_views(np.array([size])), [[[x, y]]], 256)[0, 0], abs=0.05)


@pytest.mark.parametrize(("width", "height"), [(32, 3_000_000), (40_000, 33)])
def test_a_long_strip_costs_no_memory(width, height):
    """The square around it would have millions of megabytes. The strip's middle is the square's."""
    image = np.full((height, width), 200, np.uint8)
    seen = fit_square(image, 64)
    assert seen.shape == (64, 64) and seen[[0, -1]][:, [0, -1]].max() == 0
    assert (seen[:, 31:33] if height > width else seen[31:33]).max() > 0


def test_a_scale_enlarges_the_middle():
    middle = (SIZES[:2, None] - 1) / 2
    assert to_grid(whole_views(SIZES[:2], 1.6), middle, 256) == pytest.approx(np.full((2, 1, 2), 127.5))
    wide, near = (to_grid(whole_views(SIZES[:2], zoom), HEADS[:2], 256) - 127.5 for zoom in (1, 1.6))
    assert near == pytest.approx(1.6 * wide)


@pytest.mark.parametrize("cells", [64, 256])
def test_there_and_back(cells):
    for views in (whole_views(SIZES), whole_views(SIZES, 1.5)):
        assert to_original(views, to_grid(views, HEADS, cells), cells) == pytest.approx(HEADS)


def test_between_two_views_of_one_image():
    whole, near = whole_views(SIZES)[0], whole_views(SIZES, 1.4)[0]
    matrix = between(whole, near, 256, 256)
    there = to_grid(whole, HEADS[0], 256) @ matrix[:, :2].T + matrix[:, 2]
    assert there == pytest.approx(to_grid(near, HEADS[0], 256))
    assert between(near, near, 256, 256) == pytest.approx(np.eye(2, 3), abs=1e-9)


@pytest.mark.parametrize("prepared", [256, 512])
def test_a_closer_view_shows_the_head_where_its_landmarks_say(prepared):
    original = np.zeros((540, 800), np.uint8)
    cv2.ellipse(original, (420, 250), (150, 115), np.rad2deg(0.7), 0, 360, 200, -1)
    views = whole_views(SIZES[:1], 1.5)
    seen = show(fit_square(original, prepared)[None], SIZES[:1], views, 256)[0]
    drawn = np.argwhere(seen > 100)[:, ::-1]
    assert drawn.mean(axis=0) == pytest.approx(to_grid(views, HEADS[:1], 256)[0].mean(axis=0), abs=0.5)


def test_beyond_the_image_is_black():
    grey = np.full((1, 64, 64), 90, np.uint8)
    seen = show(grey, SIZES[:1], whole_views(SIZES[:1], 0.5), 64)[0]
    assert (seen[:, :15] == 0).all() and (seen[17:47, 17:47] == 90).all()
    assert np.array_equal(show(grey, SIZES[:1], whole_views(SIZES[:1]), 64), grey)


def test_a_landscape_frame_on_a_portrait_page_keeps_its_head_and_its_proportions():
    """A screenshot: the scan stands in the lower part of a page half as wide as high."""
    page, at = np.full((1800, 900), 60, np.uint8), np.array([50, 1100])
    scan = np.zeros((540, 800), np.uint8)
    cv2.ellipse(scan, (420, 250), (150, 115), np.rad2deg(0.7), 0, 360, 200, -1)
    page[at[1] : at[1] + 540, at[0] : at[0] + 800] = scan
    size, head = np.array([[900, 1800]]), HEADS[:1] + at
    seen, places = fit_square(page, 256), to_grid(whole_views(size), head, 256)
    assert places.min() > 0 and places.max() < 255
    assert all_lengths(places) / all_lengths(head) == pytest.approx(np.full((1, 3), 256 / 1800))
    drawn = np.argwhere(seen > 100)[:, ::-1]
    axes = 4 * np.sqrt(np.linalg.eigvalsh(np.cov(drawn.T)))  # of an ellipse of these pixels: short, long
    assert axes == pytest.approx(all_lengths(places)[0, :2], rel=0.02)
    assert drawn.mean(axis=0) == pytest.approx(places[0].mean(axis=0), abs=0.2)
