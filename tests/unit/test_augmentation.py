"""Random views: the landmarks stay on what they mark, in canonical order, with the original's proportions."""

import numpy as np
import pytest

from fetal_biometry.model.augmentation import augment, coarsen
from fetal_biometry.model.geometry import all_lengths, ellipse_landmarks, resize_points
from fetal_biometry.model.landmarks import canonical

SIZE, ORIGINAL = 256, (800, 540)
ASPECT = ORIGINAL[0] / ORIGINAL[1]
NONE = {
    "flip": 0,
    "rotation_deg": 0,
    "shrink": 0,
    "enlarge": 0,
    "shift": 0,
    "thin": 0,
    "thicken": 0,
    "gain": 0,
    "gamma": 0,
    "shadow": 0,
    "noise": 0,
}
VIEWS = {**NONE, "flip": 0.5, "rotation_deg": 25, "shrink": 0.2, "enlarge": 0.2, "shift": 0.08}
TONES = {**NONE, "gain": 0.3, "gamma": 0.3, "shadow": 0.5, "noise": 12}


def squeezed_head(angle=0.5):
    return resize_points(ellipse_landmarks((390, 280), 170, 130, angle), ORIGINAL, (SIZE, SIZE))


def draw_spots(points):
    """A bright spot on each landmark."""
    y, x = np.indices((SIZE, SIZE))
    spots = [np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 2.5**2)) for px, py in points]
    return (250 * np.max(spots, axis=0)).round().astype(np.uint8)


def spot_near(image, point, radius=9):
    """Centre of the spot in a window around a point."""
    x, y = np.round(point).astype(int)
    rows, columns = np.arange(y - radius, y + radius + 1), np.arange(x - radius, x + radius + 1)
    window = image[np.ix_(rows, columns)].astype(float)
    return np.array([(window.sum(axis=0) * columns).sum(), (window.sum(axis=1) * rows).sum()]) / window.sum()


def test_landmarks_stay_on_what_they_mark():
    rng = np.random.default_rng(4)
    distances = []
    for angle in rng.uniform(-1.5, 1.5, 60):
        points = squeezed_head(angle)
        image, moved = augment(draw_spots(points), points, ASPECT, SIZE, VIEWS, rng)
        inner = moved[((moved > 12) & (moved < SIZE - 13)).all(axis=1)]  # whole spots only
        distances += [np.linalg.norm(spot_near(image, point) - point) for point in inner]
    assert len(distances) > 150
    assert max(distances) < 0.2


def test_order_is_canonical_and_points_are_inside():
    rng = np.random.default_rng(5)
    points, blank = squeezed_head(), np.zeros((SIZE, SIZE), np.uint8)
    for knobs in (VIEWS, {**VIEWS, "shift": 0.9, "shrink": 1.5, "enlarge": 1.5, "rotation_deg": 180}):
        for _ in range(50):
            _, moved = augment(blank, points, ASPECT, SIZE, knobs, rng)
            assert np.array_equal(moved, canonical(moved))
            assert moved.min() >= 0 and moved.max() <= SIZE - 1


def test_rotation_and_flip_keep_the_lengths_of_the_original():
    rng = np.random.default_rng(6)
    points, blank = squeezed_head(), np.zeros((SIZE, SIZE), np.uint8)
    expected = all_lengths(resize_points(points, (SIZE, SIZE), ORIGINAL))
    turned = []
    for _ in range(50):
        _, moved = augment(blank, points, ASPECT, SIZE, {**NONE, "flip": 0.5, "rotation_deg": 25}, rng)
        seen = resize_points(moved, (SIZE, SIZE), ORIGINAL)
        assert all_lengths(seen) == pytest.approx(expected, rel=1e-9)
        turned.append(seen[1, 1] - seen[0, 1])
    assert np.std(turned) > 20  # it did turn


def test_scale_is_the_same_for_both_diameters_and_within_its_knob():
    rng = np.random.default_rng(7)
    points, blank = squeezed_head(), np.zeros((SIZE, SIZE), np.uint8)
    expected = all_lengths(resize_points(points, (SIZE, SIZE), ORIGINAL))
    factors = []
    for _ in range(50):
        _, moved = augment(blank, points, ASPECT, SIZE, VIEWS, rng)
        factor = all_lengths(resize_points(moved, (SIZE, SIZE), ORIGINAL)) / expected
        assert factor == pytest.approx(factor[0], rel=1e-9)
        factors.append(factor[0])
    assert np.exp(-0.2) <= min(factors) < 0.9 and 1.1 < max(factors) <= np.exp(0.2)


def test_knobs_at_zero_change_nothing():
    image = np.random.default_rng(8).integers(0, 256, (SIZE, SIZE), dtype=np.uint8)
    seen, moved = augment(image, squeezed_head(), ASPECT, SIZE, NONE, np.random.default_rng(9))
    assert np.array_equal(seen, image)
    assert moved == pytest.approx(squeezed_head(), abs=1e-9)


def test_a_flip_mirrors_image_and_landmarks():
    image = np.random.default_rng(8).integers(0, 256, (SIZE, SIZE), dtype=np.uint8)
    seen, moved = augment(image, squeezed_head(), ASPECT, SIZE, {**NONE, "flip": 1}, np.random.default_rng(9))
    assert np.array_equal(seen, image[::-1, ::-1])
    assert moved == pytest.approx(canonical(SIZE - 1 - squeezed_head()), abs=1e-9)


@pytest.mark.parametrize(("knob", "factor"), [("thin", np.exp(-0.5)), ("thicken", np.exp(0.3))])
def test_a_skull_gets_thinner_or_thicker_and_its_outline_stays(knob, factor):
    """A ring of 0.9 to 1 of the head's radius, on a square image, upright; the outer edge is the outline."""
    points, (y, x) = ellipse_landmarks((128, 120), 80, 60, 0.0), np.indices((SIZE, SIZE))
    radius = np.hypot((x - 128) / 80, (y - 120) / 60)
    ring = (200 * ((radius > 0.9) & (radius < 1))).astype(np.uint8)
    knobs = {**NONE, knob: abs(np.log(factor))}
    areas = []
    for seed in range(40):
        seen, moved = augment(ring, points, 1.0, SIZE, knobs, np.random.default_rng(seed))
        assert moved == pytest.approx(points, abs=1e-9)
        assert seen[radius > 1.03].max() == 0 and seen[(radius > 0.985) & (radius < 0.99)].min() > 50
        areas.append((seen > 100).sum() / (ring > 100).sum())
    share = 0.9**factor  # where the inner edge comes to lie: its share of the radius to the power of the thickness
    extreme = (1 - share**2) / (1 - 0.9**2)
    assert (min if factor < 1 else max)(areas) == pytest.approx(extreme, abs=0.05)


def test_landmarks_that_span_no_head_leave_the_skull_as_it_is():
    image = np.random.default_rng(8).integers(0, 256, (SIZE, SIZE), dtype=np.uint8)
    on_a_line = np.array([[40.0, 40], [200, 200], [60, 60], [180, 180]])
    seen, _ = augment(image, on_a_line, ASPECT, SIZE, {**NONE, "thin": 0.7}, np.random.default_rng(9))
    assert np.array_equal(seen, image)


def test_coarsening_blurs_and_moves_nothing():
    image = draw_spots(squeezed_head())
    assert np.array_equal(coarsen(image, 1.0), image)
    blurred = coarsen(image, 0.4)
    assert blurred.shape == image.shape and blurred.dtype == np.uint8 and blurred.max() < image.max()
    for point in squeezed_head():
        assert spot_near(blurred, point, radius=14) == pytest.approx(point, abs=0.15)


def test_tones_change_grey_levels_only():
    image = draw_spots(squeezed_head())
    seen, moved = augment(image, squeezed_head(), ASPECT, SIZE, TONES, np.random.default_rng(10))
    assert seen.dtype == np.uint8 and not np.array_equal(seen, image)
    assert moved == pytest.approx(squeezed_head(), abs=1e-9)


def test_a_seed_is_a_view():
    image, knobs = draw_spots(squeezed_head()), {**VIEWS, **{key: TONES[key] for key in ("gain", "shadow", "noise")}}
    views = [augment(image, squeezed_head(), ASPECT, SIZE, knobs, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert np.array_equal(views[0][0], views[1][0]) and np.array_equal(views[0][1], views[1][1])
    assert not np.array_equal(views[0][1], views[2][1])
