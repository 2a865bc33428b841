"""The head mask: the drawing covers what its landmarks span, and reading it back gives them again."""

import cv2
import numpy as np
import pytest

from fetal_biometry.model import head_mask
from fetal_biometry.model.detection import CONFIDENCE, DISAGREEMENT, HEIGHT, Decoding, locate
from fetal_biometry.model.geometry import all_lengths, ellipse_landmarks, fit_square
from fetal_biometry.model.heatmaps import encode
from fetal_biometry.model.views import to_grid, whole_views

CELLS, ORIGINAL = 64, np.array([800, 540])
WHOLE = whole_views(ORIGINAL[None])


@pytest.fixture(scope="module")
def heads():
    """Landmarks of 60 heads in original pixels, and the same on the grid."""
    rng = np.random.default_rng(3)
    points = np.array(
        [
            ellipse_landmarks(rng.uniform([330, 230], [470, 310]), semi, semi * rng.uniform(0.7, 0.9), angle)
            for semi, angle in zip(rng.uniform(70, 190, 60), rng.uniform(-1.5, 1.5, 60), strict=True)
        ]
    )
    return points, to_grid(WHOLE, points, CELLS)


def test_the_drawn_area_is_the_ellipses(heads):
    points, grid = heads
    lengths = all_lengths(points)
    expected = np.pi / 4 * lengths[:, 0] * lengths[:, 1] * (CELLS / ORIGINAL.max()) ** 2
    inside = (points > 0).all(axis=(1, 2)) & (points < ORIGINAL - 1).all(axis=(1, 2))
    assert inside.sum() > 40
    assert head_mask.encode(grid, CELLS).sum(axis=(1, 2))[inside] == pytest.approx(expected[inside], rel=0.01)


def test_a_head_is_drawn_as_opencv_draws_it():
    points = ellipse_landmarks((380, 260), 150, 110, 0.6)
    canvas = np.zeros(ORIGINAL[::-1], np.uint8)
    cv2.ellipse(canvas, (380, 260), (150, 110), np.rad2deg(0.6), 0, 360, 250, -1)
    expected = fit_square(canvas, CELLS) / 250
    drawn = head_mask.encode(to_grid(WHOLE, points[None], CELLS), CELLS)[0]
    assert np.abs(drawn - expected).mean() < 0.005 and np.abs(drawn - expected).max() < 0.4


def test_reading_back_gives_the_lengths(heads):
    points, grid = heads
    found = head_mask.decode(head_mask.encode(grid, CELLS), np.repeat(WHOLE, len(points), axis=0))
    share = all_lengths(found) / all_lengths(points) - 1
    assert np.abs(share).max() < 0.02 and np.abs(share).mean() < 0.003 and abs(share.mean()) < 0.001


def test_a_second_piece_and_ragged_odds_do_not_count(heads):
    points, grid = heads
    drawn = head_mask.encode(grid[:1], CELLS)
    drawn[0, :4, :4] = 0.9
    found = head_mask.decode(drawn * 0.999, WHOLE)
    assert all_lengths(found)[0] == pytest.approx(all_lengths(points[0]), rel=0.02)


def test_without_an_outline_there_are_no_landmarks():
    nothing, everything, speck = np.zeros((3, CELLS, CELLS), np.float32)
    everything[:] = 1
    speck[10, 10] = 1
    assert np.isnan(head_mask.decode(np.stack([nothing, everything, speck]), np.repeat(WHOLE, 3, axis=0))).all()


def test_a_low_mask_keeps_the_head_s_size(heads):
    points, grid = heads
    drawn = head_mask.encode(grid, CELLS)
    views = np.repeat(WHOLE, len(points), axis=0)
    for height in (0.9, 0.6, 0.3):
        assert all_lengths(head_mask.decode(height * drawn, views)) == pytest.approx(all_lengths(points), rel=0.03)
    assert np.isnan(head_mask.decode(0.15 * drawn, views)).all()


def test_points_on_one_line_draw_next_to_nothing():
    line = np.array([[[10.0, 10.0], [30.0, 10.0], [15.0, 10.0], [25.0, 10.0]]])
    drawn = head_mask.encode(line, CELLS)
    assert np.isfinite(drawn).all() and drawn.sum() < 40  # two rows of cells, half covered


def test_fused_is_between_both_and_falls_back_on_the_landmarks(heads):
    points, grid = heads
    middle = grid.mean(axis=1, keepdims=True)
    smaller = middle + 0.94 * (grid - middle)
    views = np.repeat(WHOLE, len(points), axis=0)
    maps = np.concatenate([encode(grid, CELLS, 2.0), head_mask.encode(smaller, CELLS)[:, None]], axis=1)
    fused, quality = locate(maps, views, Decoding("fused", 2.0))
    paired, plain = locate(maps, views, Decoding("paired", 2.0))
    # three quarters of 0.94 and a quarter of 1; a mask's lengths are read to 2 %
    assert all_lengths(fused) / all_lengths(paired) == pytest.approx(0.955, abs=0.75 * 0.02)
    assert np.array_equal(quality[:, CONFIDENCE], plain[:, CONFIDENCE]) and np.isnan(plain[:, 1:]).all()
    assert quality[:, DISAGREEMENT] == pytest.approx(1 / 0.94 - 1, abs=0.02) and quality[:, HEIGHT] == pytest.approx(1)
    astray = maps.copy()
    astray[:, 0] = astray[:, 1]
    outline = head_mask.decode(maps[:, 4], views)
    assert all_lengths(locate(astray, views, Decoding("fused", 2.0))[0]) == pytest.approx(all_lengths(outline))
    maps[:, 4] = 0
    alone, empty = locate(maps, views, Decoding("fused", 2.0))
    assert (empty[:, DISAGREEMENT] == 1).all() and (empty[:, HEIGHT] == 0).all()
    assert all_lengths(alone) == pytest.approx(all_lengths(paired), rel=0.02)
