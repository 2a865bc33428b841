"""Pixel mapping, lengths and circumference against their definitions, and ellipses drawn and found again."""

import csv

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fetal_biometry.images.image_ref import ImageRef
from fetal_biometry.images.raster import read_grey
from fetal_biometry.model.geometry import (
    all_lengths,
    ellipse_landmarks,
    fit_annotation,
    head_circumference,
    head_lengths,
    landmarks_to_ellipse,
    mean_ellipse,
    radius_in_ellipse,
    resize_points,
)
from fetal_biometry.model.landmarks import canonical

points = arrays(float, (4, 2), elements=st.floats(-2000, 2000, width=32))
sizes = st.tuples(st.integers(32, 2000), st.integers(32, 2000))
ellipses = st.tuples(
    st.tuples(st.floats(0, 800), st.floats(0, 600)), st.floats(20, 400), st.floats(0.5, 0.99), st.floats(-1.57, 1.57)
).map(lambda drawn: (drawn[0], drawn[1], drawn[1] * drawn[2], drawn[3]))


def perimeter(bpd, ofd, steps=20000):
    """Length of the ellipse by the midpoint rule, which converges exponentially for a periodic integrand."""
    t = (np.arange(steps) + 0.5) * 2 * np.pi / steps
    return np.hypot(ofd / 2 * np.sin(t), bpd / 2 * np.cos(t)).sum() * 2 * np.pi / steps


@given(points, sizes, sizes)
def test_resizing_back_gives_the_same_points(ends, original, resized):
    back = resize_points(resize_points(ends, original, resized), resized, original)
    assert np.allclose(back, ends, atol=1e-9)


@given(sizes, sizes)
def test_resizing_maps_the_frame_onto_the_frame(original, resized):
    corners = np.array([[-0.5, -0.5], np.array(original) - 0.5])
    assert np.allclose(resize_points(corners, original, resized), [[-0.5, -0.5], np.array(resized) - 0.5])


def test_resizing_takes_one_size_an_image():
    ends = np.arange(16.0).reshape(2, 4, 2)
    originals = np.array([[800, 540], [400, 300]])
    together = resize_points(ends, originals[:, None], (256, 256))
    for row, original in enumerate(originals):
        assert np.array_equal(together[row], resize_points(ends[row], original, (256, 256)))


@pytest.mark.parametrize("ratio", [0.5, 0.6, 0.74, 0.83, 0.95, 1.0])
def test_circumference_is_the_ellipse_s_perimeter(ratio):
    assert head_circumference(100 * ratio, 100.0) == pytest.approx(perimeter(100 * ratio, 100.0), rel=1e-6)


def test_circumference_of_nothing_is_nothing():
    assert head_circumference(0.0, 0.0) == 0


def test_lengths_are_distances_between_ends():
    ends = np.array([[0, 0], [4, 3], [1, 1], [1, 4]], dtype=float)
    assert head_lengths(ends) == (3, 5)
    assert all_lengths(ends[None])[0] == pytest.approx([3, 5, perimeter(3, 5)])


@given(ellipses, st.floats(-3.2, 3.2), st.sampled_from([(1, 1), (-1, 1), (1, -1)]), st.floats(-500, 500))
def test_lengths_do_not_depend_on_the_view(ellipse, turn, flip, shift):
    ends = ellipse_landmarks(*ellipse)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    seen = canonical(ends @ rotation.T * flip + shift)
    assert all_lengths(seen) == pytest.approx(all_lengths(ends), abs=1e-6)


@given(ellipses, st.floats(0.05, 20))
def test_lengths_grow_with_the_scale(ellipse, scale):
    ends = ellipse_landmarks(*ellipse)
    assert all_lengths(scale * ends) == pytest.approx(scale * all_lengths(ends), rel=1e-9)


@given(ellipses)
def test_landmarks_and_ellipse_are_one_another_s_inverse(ellipse):
    ends = ellipse_landmarks(*ellipse)
    centre, semi_long, semi_short, angle = landmarks_to_ellipse(ends)
    assert centre == pytest.approx(ellipse[0], abs=1e-6)
    assert (semi_long, semi_short) == pytest.approx(ellipse[1:3], abs=1e-6)
    assert -np.pi / 2 < angle <= np.pi / 2
    assert np.sin(angle - ellipse[3]) == pytest.approx(0, abs=1e-6)  # an axis has no direction
    assert np.array_equal(ends, canonical(ends))


def mark(centre, semi_long, semi_short, angle, thickness=None, shape=(540, 800)):
    """The pixels whose centres lie inside an ellipse, or within half a thickness of its outline (first order)."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    u = (x - centre[0]) * np.cos(angle) + (y - centre[1]) * np.sin(angle)
    v = (y - centre[1]) * np.cos(angle) - (x - centre[0]) * np.sin(angle)
    radius = np.hypot(u / semi_long, v / semi_short)
    if thickness is None:
        return np.where(radius <= 1, 255, 0).astype(np.uint8)
    slope = np.hypot(u / semi_long**2, v / semi_short**2) / np.maximum(radius, 1e-9)
    distance = np.abs(radius - 1) / np.maximum(slope, 1e-9)
    return np.where(distance <= thickness / 2, 255, 0).astype(np.uint8)


WHOLE = [
    ((400.3, 270.6), 220.0, 170.0, 0.4),
    ((390.0, 250.0), 60.5, 40.2, -1.2),
    ((210.7, 300.2), 120.0, 95.0, 1.5),
    ((500.0, 270.0), 200.0, 198.0, 0.0),
]


@pytest.mark.parametrize("ellipse", WHOLE)
@pytest.mark.parametrize("thickness", [1, 2, 3])
def test_an_outline_is_found_again(ellipse, thickness):
    found = fit_annotation(mark(*ellipse, thickness))
    assert all_lengths(found) == pytest.approx(all_lengths(ellipse_landmarks(*ellipse)), abs=0.25)
    assert landmarks_to_ellipse(found)[0] == pytest.approx(ellipse[0], abs=0.1)


@pytest.mark.parametrize("ellipse", WHOLE)
def test_a_filled_mask_is_found_again(ellipse):
    found = fit_annotation(mark(*ellipse))
    assert all_lengths(found) == pytest.approx(all_lengths(ellipse_landmarks(*ellipse)), abs=0.5)
    assert landmarks_to_ellipse(found)[0] == pytest.approx(ellipse[0], abs=0.1)


CUT = [
    ((110.0, 270.0), 220.0, 170.0, 0.4),  # by the left border
    ((400.0, 480.0), 220.0, 170.0, -0.2),  # by the lower one
    ((400.0, 270.0), 300.0, 290.0, 0.1),  # by the upper and the lower one: an outline in two pieces
]


@pytest.mark.parametrize("ellipse", CUT)
@pytest.mark.parametrize("thickness", [None, 1, 2])
def test_a_head_cut_by_the_border_is_completed(ellipse, thickness):
    found = fit_annotation(mark(*ellipse, thickness))
    assert all_lengths(found) == pytest.approx(all_lengths(ellipse_landmarks(*ellipse)), abs=0.5)


def test_a_dashed_outline_is_one_ellipse():
    image = np.zeros((540, 800), np.uint8)
    for start in range(0, 360, 20):
        cv2.ellipse(image, (400, 270), (200, 150), 30, start, start + 10, 255, 2)
    expected = ellipse_landmarks((400, 270), 200, 150, np.deg2rad(30))
    assert all_lengths(fit_annotation(image)) == pytest.approx(all_lengths(expected), abs=2)  # cv2 draws chords


def test_marked_means_not_black():
    assert np.array_equal(fit_annotation(mark(*WHOLE[0]) // 255), fit_annotation(mark(*WHOLE[0])))


@pytest.mark.parametrize("pixels", [[], [(5, 5)], [(x, 7) for x in range(3, 20)]])
def test_too_little_is_no_ellipse(pixels):
    image = np.zeros((30, 40), np.uint8)
    for x, y in pixels:
        image[y, x] = 255
    with pytest.raises(ValueError, match="ellipse"):
        fit_annotation(image)


def test_annotations_of_hc18_give_its_circumferences(real_data):
    with open(real_data / "hc18" / "training_set_pixel_size_and_HC.csv", newline="") as file:
        rows = list(csv.reader(file))[1:]
    errors = {}
    for name, pixel_size, circumference in rows:
        annotation = read_grey(ImageRef(real_data / "hc18" / "training_set" / name.replace(".png", "_Annotation.png")))
        found = all_lengths(fit_annotation(annotation))[2] * float(pixel_size)
        errors[name] = abs(found - float(circumference))
    # names up to 500 are the sonographers' own outlines, the rest were drawn anew from masks
    original = [error for name, error in errors.items() if int(name[:3]) <= 500]
    redrawn = [error for name, error in errors.items() if int(name[:3]) > 500]
    assert len(original) > 300 and len(redrawn) > 200
    assert max(original) <= 0.06
    assert np.mean(redrawn) <= 0.3


def test_radius_is_zero_at_the_centre_and_one_on_the_outline():
    rng = np.random.default_rng(8)
    for _ in range(20):
        centre, semi_long, angle = rng.uniform(100, 500, 2), rng.uniform(50, 200), rng.uniform(-3, 3)
        semi_short, turn = semi_long * rng.uniform(0.6, 0.95), rng.uniform(0, 2 * np.pi, 9)
        head = ellipse_landmarks(centre, semi_long, semi_short, angle)
        along, across = semi_long * np.cos(turn), semi_short * np.sin(turn)
        outline = centre + np.column_stack(
            [np.cos(angle) * along - np.sin(angle) * across, np.sin(angle) * along + np.cos(angle) * across]
        )
        points = np.vstack([centre, outline, centre + 1.3 * (outline - centre)])
        assert radius_in_ellipse(points[None], head[None])[0] == pytest.approx([0, *[1] * 9, *[1.3] * 9], abs=1e-9)


def test_mean_ellipse_averages_axes_and_centres():
    first, second = ellipse_landmarks((100, 80), 40, 30, 0.4), ellipse_landmarks((110, 84), 44, 36, 0.4)
    expected = ellipse_landmarks((105, 82), 42, 33, 0.4)
    assert mean_ellipse(first[None], second[None])[0] == pytest.approx(expected)
    nearer = ellipse_landmarks((107.5, 83), 43, 34.5, 0.4)
    mixed = mean_ellipse(np.array([first, first]), np.array([second, second]), np.array([0.75, 1.0]))
    assert mixed == pytest.approx(np.array([nearer, second]))


def test_mean_ellipse_of_an_ellipse_with_itself_is_itself():
    heads = np.array([ellipse_landmarks((100, 80), 40, 30, angle) for angle in np.linspace(-1.5, 1.5, 9)])
    assert mean_ellipse(heads, heads) == pytest.approx(heads)


def test_the_direction_of_a_round_ellipse_weighs_nothing():
    head, circle = ellipse_landmarks((50, 50), 40, 30, 0.3), ellipse_landmarks((50, 50), 35, 35, 1.2)
    assert mean_ellipse(head[None], circle[None])[0] == pytest.approx(ellipse_landmarks((50, 50), 37.5, 32.5, 0.3))


def test_mean_ellipse_of_points_on_one_line_is_finite():
    line = np.array([[[0.0, 0.0], [10.0, 0.0], [2.0, 0.0], [8.0, 0.0]]])
    assert np.isfinite(mean_ellipse(line, line)).all()
