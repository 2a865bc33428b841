"""Random views: image and targets stay on what the landmarks mark, in canonical order, in true proportions."""

import numpy as np
import pytest

from fetal_biometry.model import head_mask, heatmaps
from fetal_biometry.model.augmentation import augment, random_map
from fetal_biometry.model.geometry import all_lengths, ellipse_landmarks
from fetal_biometry.model.landmarks import canonical
from fetal_biometry.recipe import Augmentation

SIZE, STRIDE, SIGMA = 256, 4, 2.0  # sigma in cells
CELLS = SIZE // STRIDE
NONE = dict.fromkeys(Augmentation.model_fields, 0)
VIEWS = {**NONE, "flip": 0.5, "rotation_deg": 25, "shrink": 0.2, "enlarge": 0.2, "shift": 0.08}
TURNS = {**NONE, "flip": 0.5, "rotation_deg": 60, "shift": 0.03}
TONES = {**NONE, "gain": 0.3, "gamma": 0.3, "shadow": 0.5, "noise": 12}
COORDINATES = np.zeros((4, 2), np.float32)  # targets that are landmarks


def a_head(angle=0.5):
    return ellipse_landmarks((125, 131), 58, 44, angle)


def render(points, sigma=SIGMA, kind=np.float16):
    """Targets of landmarks in pixels, as `targets.render_targets` stores them."""
    cells = (points[None] + 0.5) / STRIDE - 0.5
    maps = [heatmaps.encode(cells, CELLS, sigma)[0], head_mask.encode(cells, CELLS)]
    return np.concatenate(maps).astype(kind)


def view(image, points, settings, seed):
    """The view, and where it takes the landmarks, in the order in which they came."""
    settings = Augmentation(**settings)
    _, moved = random_map(points, SIZE, settings, np.random.default_rng(seed))
    seen, targets = augment(image, points, render(points), settings, np.random.default_rng(seed))
    return seen, targets, moved


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


def test_the_image_shows_landmarks_where_the_map_takes_them():
    angles, distances = np.random.default_rng(4).uniform(-1.5, 1.5, 60), []
    for seed, angle in enumerate(angles):
        points = a_head(angle)
        seen, _, moved = view(draw_spots(points), points, VIEWS, seed)
        inner = moved[((moved > 12) & (moved < SIZE - 13)).all(axis=1)]  # whole spots only
        distances += [np.linalg.norm(spot_near(seen, point) - point) for point in inner]
    assert len(distances) > 150
    assert max(distances) < 0.2


@pytest.mark.parametrize("settings", [TURNS, VIEWS])
def test_moved_targets_are_those_of_the_moved_landmarks(settings):
    """Those rendered anew in canonical order, with sigma in the view's scale, but for the interpolation.

    It takes at most 1 / (8 sigma^2) of a Gaussian's height along each axis and leaves its centre of mass; of the mask's
    edge, a cell wide, it takes at most a half, and of its area 1 %.
    Flips and turns exchange the ends of the OFD in some views, those of the BPD in others.
    """
    exchanged, blank = set(), np.zeros((SIZE, SIZE), np.uint8)
    cells = np.indices((CELLS, CELLS))[::-1]  # x, y
    for seed, angle in enumerate(np.random.default_rng(5).uniform(-1.5, 1.5, 60)):
        points = a_head(angle)
        _, targets, moved = view(blank, points, settings, seed)
        expected = canonical(moved)
        exchanged.add(tuple(bool((expected[i] != moved[i]).any()) for i in (0, 2)))
        scale = np.linalg.norm(moved[1] - moved[0]) / np.linalg.norm(points[1] - points[0])
        anew = render(expected, SIGMA * scale, np.float32)
        off = np.abs(targets - anew)
        assert targets.shape == anew.shape and targets.dtype == np.float32
        assert off[:4].max() < 2 / (8 * SIGMA**2) + 0.002
        assert off[4].max() < 0.5 and targets[4].sum() == pytest.approx(anew[4].sum(), rel=0.01)
        centres = [(targets[:4] * grid).sum(axis=(1, 2)) / targets[:4].sum(axis=(1, 2)) for grid in cells]
        assert np.stack(centres, axis=1) == pytest.approx((expected + 0.5) / STRIDE - 0.5, abs=0.03)  # cells
    assert exchanged == {(False, False), (False, True), (True, False), (True, True)}


def test_landmarks_as_targets_move_too():
    for seed in range(30):
        settings, points = Augmentation(**TURNS), a_head(1.4)
        _, moved = random_map(points, SIZE, settings, np.random.default_rng(seed))
        blank = np.zeros((SIZE, SIZE), np.uint8)
        _, targets = augment(blank, points, COORDINATES, settings, np.random.default_rng(seed))
        assert targets.dtype == np.float32 and targets == pytest.approx((canonical(moved) + 0.5) / SIZE, abs=1e-6)


def test_landmarks_stay_inside_the_frame():
    wild = {**VIEWS, "shift": 0.5, "shrink": 1.5, "enlarge": 1, "rotation_deg": 180}
    for settings in (VIEWS, wild):
        for seed in range(50):
            _, moved = random_map(a_head(), SIZE, Augmentation(**settings), np.random.default_rng(seed))
            assert moved.min() >= 0 and moved.max() <= SIZE - 1


def test_a_head_that_lies_outside_is_only_flipped():
    points = a_head() + [200.0, 0.0]
    for seed in range(20):
        settings = Augmentation(**VIEWS)
        matrix, _ = random_map(points, SIZE, settings, np.random.default_rng(seed))
        assert np.array_equal(np.abs(matrix[:, :2]), np.eye(2))


def test_rotation_and_flip_keep_the_lengths():
    settings, turned = Augmentation(**{**NONE, "flip": 0.5, "rotation_deg": 25}), []
    for seed in range(50):
        _, moved = random_map(a_head(), SIZE, settings, np.random.default_rng(seed))
        assert all_lengths(moved) == pytest.approx(all_lengths(a_head()), rel=1e-9)
        turned.append(canonical(moved)[1, 1] - canonical(moved)[0, 1])
    assert np.std(turned) > 20  # it did turn


def test_scale_is_the_same_for_both_diameters_and_within_its_range():
    factors = []
    for seed in range(50):
        _, moved = random_map(a_head(), SIZE, Augmentation(**VIEWS), np.random.default_rng(seed))
        factor = all_lengths(moved) / all_lengths(a_head())
        assert factor == pytest.approx(factor[0], rel=1e-9)
        factors.append(factor[0])
    assert np.exp(-0.2) <= min(factors) < 0.9 and 1.1 < max(factors) <= np.exp(0.2)


def test_settings_at_zero_change_nothing():
    image = np.random.default_rng(8).integers(0, 256, (SIZE, SIZE), dtype=np.uint8)
    seen, targets, moved = view(image, a_head(), NONE, 9)
    assert np.array_equal(seen, image)
    assert np.array_equal(targets, render(a_head()).astype(np.float32))
    assert moved == pytest.approx(a_head(), abs=1e-9)


def test_a_flip_mirrors_image_and_targets():
    image = np.random.default_rng(8).integers(0, 256, (SIZE, SIZE), dtype=np.uint8)
    seen, targets, moved = view(image, a_head(), {**NONE, "flip": 1}, 9)
    assert np.array_equal(seen, image[::-1, ::-1])
    assert moved == pytest.approx(SIZE - 1 - a_head(), abs=1e-9)
    assert np.array_equal(targets, render(a_head()).astype(np.float32)[[1, 0, 3, 2, 4], ::-1, ::-1])


@pytest.mark.parametrize(("setting", "factor"), [("thin", np.exp(-0.5)), ("thicken", np.exp(0.3))])
def test_a_skull_gets_thinner_or_thicker_and_its_outline_stays(setting, factor):
    """A ring of 0.9 to 1 of the head's radius, on a square image, upright; the outer edge is the outline."""
    points, (y, x) = ellipse_landmarks((128, 120), 80, 60, 0.0), np.indices((SIZE, SIZE))
    radius = np.hypot((x - 128) / 80, (y - 120) / 60)
    ring = (200 * ((radius > 0.9) & (radius < 1))).astype(np.uint8)
    areas = []
    for seed in range(40):
        seen, targets, _ = view(ring, points, {**NONE, setting: abs(np.log(factor))}, seed)
        assert np.array_equal(targets, render(points).astype(np.float32))
        assert seen[radius > 1.03].max() == 0 and seen[(radius > 0.985) & (radius < 0.99)].min() > 50
        areas.append((seen > 100).sum() / (ring > 100).sum())
    share = 0.9**factor  # where the inner edge comes to lie: its share of the radius to the power of the thickness
    extreme = (1 - share**2) / (1 - 0.9**2)
    assert (min if factor < 1 else max)(areas) == pytest.approx(extreme, abs=0.05)


def test_landmarks_that_span_no_head_leave_the_skull_as_it_is():
    image = np.random.default_rng(8).integers(0, 256, (SIZE, SIZE), dtype=np.uint8)
    on_a_line = np.array([[40.0, 40], [200, 200], [60, 60], [180, 180]])
    seen, _ = augment(image, on_a_line, COORDINATES, Augmentation(**{**NONE, "thin": 0.7}), np.random.default_rng(9))
    assert np.array_equal(seen, image)


def test_tones_change_grey_levels_only():
    image = draw_spots(a_head())
    seen, targets, _ = view(image, a_head(), TONES, 10)
    assert seen.dtype == np.uint8 and not np.array_equal(seen, image)
    assert np.array_equal(targets, render(a_head()).astype(np.float32))


def test_a_seed_is_a_view():
    settings = {**VIEWS, **{key: TONES[key] for key in ("gain", "shadow", "noise")}}
    first, again, other = (view(draw_spots(a_head()), a_head(), settings, seed)[:2] for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[1], other[1])
