"""Views: the whole image squeezed, a head from close by, and the way from one to the other."""

import cv2
import numpy as np
import pytest

from fetal_biometry.model.geometry import all_lengths, ellipse_landmarks, resize_points, squeeze
from fetal_biometry.model.views import beside_heads, between, closeups, look, to_grid, to_original, whole_views

SIZES = np.array([[800, 540], [640, 480]])
HEADS = np.stack([ellipse_landmarks((420, 250), 150, 115, 0.7), ellipse_landmarks((300, 260), 120, 118, -1.4)])


def test_a_whole_view_is_the_resize():
    found = to_grid(whole_views(SIZES), HEADS, 64)
    assert found == pytest.approx(resize_points(HEADS, SIZES[:, None], (64, 64)))


def test_beside_a_head_lies_the_broadest_strip():
    """Of heads near the left, the right, the upper and the lower border, the last one turned by a right angle."""
    heads = [
        ellipse_landmarks((210, 270), 200, 100, 0),
        ellipse_landmarks((590, 270), 200, 100, 0),
        ellipse_landmarks((400, 130), 200, 100, 0),
        ellipse_landmarks((400, 440), 100, 80, np.pi / 2),
    ]
    views, sides = beside_heads(np.tile([800, 540], (4, 1)), np.array(heads))
    starts = views[:, :, 2] + 0.5
    assert starts == pytest.approx(np.array([[440, 0], [0, 0], [0, 245], [0, 0]]), abs=0.01)
    assert sides == pytest.approx(np.array([[360, 540], [360, 540], [800, 295], [800, 325]]), abs=0.01)
    assert views[:, :, :2] == pytest.approx(sides[:, None] * np.eye(2))


def test_beside_a_slanting_head_nothing_of_it_shows():
    head = ellipse_landmarks((250, 270), 200, 120, 1.0)
    (view,), (side,) = beside_heads(np.array([[800, 540]]), head[None])
    angles = np.linspace(0, 2 * np.pi, 400)
    along, across = np.array([np.cos(1.0), np.sin(1.0)]), np.array([-np.sin(1.0), np.cos(1.0)])
    outline = np.array([250, 270]) + 200 * np.cos(angles)[:, None] * along + 120 * np.sin(angles)[:, None] * across
    start = view[:, 2] + 0.5
    assert ((outline < start) | (outline > start + side)).any(axis=1).all() and side.min() > 200


def test_a_zoom_enlarges_the_middle():
    middle = (SIZES[:, None] - 1) / 2
    assert to_grid(whole_views(SIZES, 1.6), middle, 256) == pytest.approx(np.full((2, 1, 2), 127.5))
    wide, near = (to_grid(whole_views(SIZES, zoom), HEADS, 256) - 127.5 for zoom in (1, 1.6))
    assert near == pytest.approx(1.6 * wide)


@pytest.mark.parametrize("cells", [64, 256])
def test_there_and_back(cells):
    for views in (whole_views(SIZES), closeups(HEADS, 1.4)):
        assert to_original(views, to_grid(views, HEADS, cells), cells) == pytest.approx(HEADS)


def test_a_closeup_is_upright_centred_and_in_proportion():
    seen = to_grid(closeups(HEADS, 1.5), HEADS, 256)
    assert seen.mean(axis=1) == pytest.approx(np.full((2, 2), 127.5))
    assert seen[:, 0, 1] == pytest.approx(seen[:, 1, 1])  # both ends of the OFD at one height
    assert seen[:, 1, 0] - seen[:, 0, 0] == pytest.approx([256 / 1.5] * 2)
    lengths = all_lengths(HEADS)
    assert all_lengths(seen) / lengths == pytest.approx(256 / 1.5 / lengths[:, 1:2] * np.ones(3))


def test_between_two_views_of_one_image():
    whole, near = whole_views(SIZES)[0], closeups(HEADS, 1.4)[0]
    matrix = between(whole, near, 256, 256)
    there = to_grid(whole, HEADS[0], 256) @ matrix[:, :2].T + matrix[:, 2]
    assert there == pytest.approx(to_grid(near, HEADS[0], 256))
    assert between(near, near, 256, 256) == pytest.approx(np.eye(2, 3), abs=1e-9)


@pytest.mark.parametrize("cached", [256, 512])
def test_a_closeup_shows_the_head_where_its_landmarks_say(cached):
    original = np.zeros((540, 800), np.uint8)
    cv2.ellipse(original, (420, 250), (150, 115), np.rad2deg(0.7), 0, 360, 200, -1)
    squeezed = squeeze(original, cached)
    seen = look(squeezed[None], SIZES[:1], closeups(HEADS[:1], 1.4), 256)[0]
    expected = np.zeros((256, 256), np.uint8)
    cv2.ellipse(expected, (128, 128), (round(128 / 1.4), round(128 / 1.4 * 115 / 150)), 0, 0, 360, 200, -1)
    assert np.mean((seen > 100) != (expected > 100)) < 0.01


def test_of_a_larger_cached_image_a_closeup_shows_more():
    stripes = np.tile(np.repeat([0, 200], 4).astype(np.uint8), (540, 100))
    near = closeups(ellipse_landmarks((420, 250), 100, 75, 0.7)[None], 1.4)
    coarse, fine = (look(squeeze(stripes, size)[None], SIZES[:1], near, 256).std() for size in (128, 512))
    assert fine > 3 * coarse


def test_beyond_the_image_is_black():
    grey = np.full((1, 64, 64), 90, np.uint8)
    seen = look(grey, SIZES[:1], closeups(ellipse_landmarks((0, 270), 150, 115, 0.0)[None], 1.4), 64)[0]
    assert (seen[:, :31] == 0).all() and (seen[:, 33:] == 90).all()
    assert np.array_equal(look(grey, SIZES[:1], whole_views(SIZES[:1]), 64), grey)
