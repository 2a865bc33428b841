"""Reflections: each end of a diameter comes back on its channel, and doubts show as low peaks. Two looks at a head."""

import numpy as np
import pytest

from fetal_biometry.model import head_mask as masks
from fetal_biometry.model import heatmaps
from fetal_biometry.model.detection import EVIDENCE, average_reflections, find_heads, locate, measure_stretch
from fetal_biometry.model.geometry import UNSTRETCHED, all_lengths, ellipse_landmarks, radius_in_ellipse
from fetal_biometry.model.landmarks import canonical
from fetal_biometry.model.views import closeups, to_grid, whole_views

CELLS = 32
HEAD = ellipse_landmarks((13, 18), 11, 8, 0.4)


def draw_where_it_is_bright(images):
    """Maps of the head that an image's four brightest cells mark, as a perfect network would draw them."""
    maps = []
    for image in images:
        y, x = np.nonzero(image)
        marked = np.stack([x, y], axis=1)[np.argsort(image[y, x])].reshape(1, 4, 2).astype(float)
        points = canonical(marked)
        maps.append(np.concatenate([heatmaps.encode(points, CELLS, 1.5), masks.encode(points, CELLS)[:, None]], axis=1))
    return np.concatenate(maps)


@pytest.fixture
def image():
    """Grey levels 1 to 4 on the landmarks' cells."""
    image = np.zeros((CELLS, CELLS), np.uint8)
    for level, (x, y) in enumerate(np.round(HEAD).astype(int)):
        image[y, x] = level + 1
    return image[None]


def test_each_end_comes_back_on_its_channel(image):
    assert average_reflections(draw_where_it_is_bright, image) == pytest.approx(
        draw_where_it_is_bright(image), abs=1e-6
    )


def test_a_head_found_in_two_places_is_doubted(image):
    places = iter(([0, 0], [6, 4], [-5, 3], [4, -6]))
    doubtful = average_reflections(
        lambda images: np.roll(draw_where_it_is_bright(images), next(places), axis=(2, 3)), image
    )
    views = whole_views(np.array([[CELLS, CELLS]]))
    _, sure = locate(draw_where_it_is_bright(image), views, "fused", 1.5)
    _, unsure = locate(doubtful, views, "fused", 1.5)
    (confidence, _, height, blur), (unsure, _, low, blurred) = sure[0], unsure[0]
    assert unsure < 0.6 * confidence and low <= height and blurred > 1.3 * blur


SIZES = np.array([[800, 540]])
READING = {
    "decoder": "fused", "sigma_cells": 1.5, "stretch": UNSTRETCHED,
    "reflections": "none", "closeup": {"looks": 1, "field": 1.4}, "zooms": [1], "image_size": 64,
}  # fmt: skip


def scripted(*heads_and_views):
    """Networks that draw a given head, in turn, in the view they are shown."""
    script = iter(heads_and_views)

    def draw(images, look=0):
        head, view = next(script)
        if head is None:
            return np.zeros((1, 5, CELLS, CELLS), np.float32)
        points = canonical(to_grid(view, head[None], CELLS))
        return np.concatenate([heatmaps.encode(points, CELLS, 1.5), masks.encode(points, CELLS)[:, None]], axis=1)

    return draw


@pytest.mark.parametrize("angle", [-1.2, 0.0, 0.3, 1.5])
def test_the_second_look_counts_and_tells_how_far_the_first_was_off(angle):
    near, true = (ellipse_landmarks(*head, angle) for head in (((410, 300), 140, 120), ((400, 290), 150, 115)))
    whole = whole_views(SIZES)
    first, _ = locate(scripted((near, whole))(None), whole, "fused", 1.5)
    draw = scripted((near, whole), (true, closeups(first, 1.4)))
    points, evidence = find_heads(draw, np.zeros((1, 64, 64), np.uint8), SIZES, READING)
    assert all_lengths(points[0]) == pytest.approx(all_lengths(true), rel=0.01)
    drift = np.abs(radius_in_ellipse(first, true[None]) - 1).max()
    assert evidence[0, EVIDENCE.index("drift")] == pytest.approx(drift, abs=0.03)


@pytest.mark.parametrize(("reflections", "drawn"), [("none", 2), ("first", 5), ("all", 8)])
def test_reflections_cost_the_looks_that_they_are_of(reflections, drawn):
    head, seen = ellipse_landmarks((400, 290), 150, 115, 0.0), []

    def draw(images, look):
        seen.append(look)
        points = to_grid(whole_views(SIZES), head[None], CELLS)
        return np.concatenate([heatmaps.encode(points, CELLS, 1.5), masks.encode(points, CELLS)[:, None]], axis=1)

    find_heads(draw, np.zeros((1, 64, 64), np.uint8), SIZES, {**READING, "reflections": reflections})
    assert len(seen) == drawn and seen == sorted(seen) and seen.count(1) == (4 if reflections == "all" else 1)


def test_a_second_look_that_draws_no_head_leaves_the_first():
    head, whole = ellipse_landmarks((410, 300), 140, 120, 0.3), whole_views(SIZES)
    image = np.zeros((1, 64, 64), np.uint8)
    points, evidence = find_heads(scripted((head, whole), (None, None)), image, SIZES, READING)
    once, alone = find_heads(scripted((head, whole)), image, SIZES, {**READING, "closeup": None})
    assert np.array_equal(points, once) and np.array_equal(evidence[:, [1, 3]], alone[:, [1, 3]])
    assert evidence[0, 0] == evidence[0, 2] == 0 < alone[0, 0]  # though it saw nothing there
    assert evidence[0, 4] == 1 and np.isnan(alone[0, 4])


@pytest.mark.parametrize("third", ["seen", "lost"])
def test_a_third_look_is_cut_around_what_the_second_found(third):
    image, whole = np.zeros((1, 64, 64), np.uint8), whole_views(SIZES)
    heads = [ellipse_landmarks(*head, 0.3) for head in (((420, 310), 130, 120), ((410, 300), 140, 118))]
    true = ellipse_landmarks((400, 290), 150, 115, 0.3)
    first, _ = locate(scripted((heads[0], whole))(None), whole, "fused", 1.5)
    second, _ = locate(scripted((heads[1], closeups(first, 1.4)))(None), closeups(first, 1.4), "fused", 1.5)
    last = (true, closeups(second, 1.4)) if third == "seen" else (None, None)
    draw = scripted((heads[0], whole), (heads[1], closeups(first, 1.4)), last)
    reading = {**READING, "closeup": {"looks": 2, "field": 1.4}}
    points, evidence = find_heads(draw, image, SIZES, reading)
    expected = true if third == "seen" else second[0]
    assert all_lengths(points[0]) == pytest.approx(all_lengths(expected), rel=0.01)
    drift = np.abs(radius_in_ellipse(first, expected[None]) - 1).max()
    assert evidence[0, EVIDENCE.index("drift")] == pytest.approx(drift, abs=0.03)


def test_of_several_zooms_the_sharpest_head_counts():
    true, wrong = ellipse_landmarks((400, 290), 150, 115, 0.3), ellipse_landmarks((420, 270), 220, 190, 0.3)
    looks = []
    for zoom, head in ((1, wrong), (1.5, true)):
        view = whole_views(SIZES, zoom)
        first, _ = locate(scripted((head, view))(None), view, "fused", 1.5)
        looks += [(head, view), (head, closeups(first, 1.4))]
    draw = scripted(*looks)

    def hesitant_at_first(images, look):
        maps = draw(images, look)
        calls.append(1)
        return 0.5 * maps + 0.25 * (np.roll(maps, 3, axis=3) + np.roll(maps, -3, axis=3)) if len(calls) < 3 else maps

    calls = []
    image = np.zeros((1, 64, 64), np.uint8)
    points, _ = find_heads(hesitant_at_first, image, SIZES, {**READING, "zooms": [1, 1.5]})
    assert all_lengths(points[0]) == pytest.approx(all_lengths(true), rel=0.01)
    nothing = scripted(*looks[:2], (None, None), (None, None))
    points, _ = find_heads(nothing, image, SIZES, {**READING, "zooms": [1, 1.5]})
    assert all_lengths(points[0]) == pytest.approx(all_lengths(wrong), rel=0.01)  # drawing nothing is not sharp


def test_only_images_on_which_the_estimates_disagree_get_a_second_opinion():
    sure, unsure = ellipse_landmarks((400, 290), 150, 115, 0.3), ellipse_landmarks((410, 280), 160, 125, 0.3)
    true, sizes = ellipse_landmarks((390, 300), 120, 95, 0.3), np.repeat(SIZES, 2, axis=0)
    reading = {**READING, "closeup": None, "zooms": [1]}
    opinion = {"disagreement": 0.05, "reflections": "none", "zooms": [1, 1.5]}
    asked = []

    def draw(images, look):
        asked.append(images[:, 0, 0].tolist())
        views = whole_views(sizes[: len(images)], 1.5 if len(asked) == 3 else 1)
        heads = np.stack([sure, unsure]) if len(asked) == 1 else true[None]
        peaks = np.stack([sure, ellipse_landmarks((410, 280), 180, 140, 0.3)]) if len(asked) == 1 else true[None]
        filled = masks.encode(to_grid(views, heads, CELLS), CELLS)
        return np.concatenate([heatmaps.encode(to_grid(views, peaks, CELLS), CELLS, 1.5), filled[:, None]], axis=1)

    images = np.zeros((2, 64, 64), np.uint8)
    images[1] = 7
    once, before = find_heads(draw, images, sizes, reading)
    assert before[0, 1] < 0.05 < before[1, 1]
    asked.clear()
    points, evidence = find_heads(draw, images, sizes, {**reading, "second_opinion": opinion})
    assert asked == [[0, 7], [7], [7]]
    assert np.array_equal(points[0], once[0]) and np.array_equal(evidence[0], before[0], equal_nan=True)
    assert all_lengths(points[1]) == pytest.approx(all_lengths(true), rel=0.02) and evidence[1, 1] < 0.05
    moved = np.abs(radius_in_ellipse(once[1:], points[1:]) - 1).max()
    assert evidence[1, EVIDENCE.index("drift")] == moved > 0.1


def test_peaks_that_lie_inside_the_skull_are_moved_out_to_it():
    """A network whose peaks are 2 % of the OFD and 4 % of the BPD too close together, like those of uncertain ends."""
    heads = [ellipse_landmarks((400, 290), 150, 115, angle) for angle in (0.1, 0.4, 0.7, 1.0, 1.3)]
    views, sizes = np.repeat(whole_views(SIZES), 5, axis=0), np.repeat(SIZES, 5, axis=0)
    inside = np.array([0.98, 0.98, 0.96, 0.96])[:, None]

    def draw(images, look):
        points = to_grid(views, np.stack(heads), CELLS)
        middle = points.mean(axis=1, keepdims=True)
        peaks = heatmaps.encode(middle + (points - middle) * inside, CELLS, 1.5)
        return np.concatenate([peaks, masks.encode(points, CELLS)[:, None]], axis=1)

    images, reading = np.zeros((5, 64, 64), np.uint8), {**READING, "closeup": None}
    stretch = measure_stretch(draw, images, sizes, reading)
    assert stretch == pytest.approx((1 / 0.98, 1 / 0.96), abs=0.005)
    true = all_lengths(np.stack(heads))
    short, moved, head = (
        (all_lengths(find_heads(draw, images, sizes, {**reading, **more})[0]) / true - 1)[:, 2]
        for more in ({}, {"stretch": stretch}, {"decoder": "head"})
    )
    assert (short < -0.005).all() and np.abs(moved).max() < 0.005 and np.abs(head).max() < 0.005


def test_nothing_is_moved_where_no_head_is_drawn():
    def draw(images, look):
        return np.zeros((len(images), 5, CELLS, CELLS), np.float32)

    assert measure_stretch(draw, np.zeros((2, 64, 64), np.uint8), SIZES.repeat(2, axis=0), READING) == UNSTRETCHED
