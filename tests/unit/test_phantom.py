"""Phantoms: names, plans, drawing; above all, that the drawn skull's outer edge is the planned ellipse."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from fetal_biometry.data.phantom import draw_phantom, plan_phantoms, spoil_labels, true_landmarks
from fetal_biometry.model.geometry import ellipse_landmarks, head_circumference, head_lengths


@pytest.fixture(scope="module")
def plans():
    return plan_phantoms(1500, seed=7)


def hc_mm(phantom):
    return head_circumference(2 * phantom.semi_short_px, 2 * phantom.semi_long_px) * phantom.pixel_size_mm


def ellipse_points(phantom, t, distance):
    """Points (len(t), len(distance), 2), `distance` px outside the ellipse along its normals at `t`."""
    a, b = phantom.semi_long_px, phantom.semi_short_px
    t = np.asarray(t)[:, None]
    nu, nv = np.cos(t) / a, np.sin(t) / b
    length = np.hypot(nu, nv)
    u, v = a * np.cos(t) + distance * nu / length, b * np.sin(t) + distance * nv / length
    c, s = np.cos(phantom.angle_rad), np.sin(phantom.angle_rad)
    return np.stack([phantom.centre_x + u * c - v * s, phantom.centre_y + u * s + v * c], axis=-1)


def test_names_are_unique_and_tell_the_examination(plans):
    assert len({phantom.image_name for phantom in plans}) == 1500
    assert plans[0].image_name == "000_HC.png"
    assert all(phantom.image_name.split("_")[0] == phantom.examination for phantom in plans)


def test_about_a_fifth_of_the_images_repeat_an_examination(plans):
    repeats = [phantom.image_name for phantom in plans if not phantom.image_name.endswith("_HC.png")]
    assert 0.16 < len(repeats) / 1500 < 0.24
    assert {name.split("_")[1] for name in repeats} == {"2HC.png", "3HC.png"}


def test_a_phantom_does_not_depend_on_the_count(plans):
    assert plan_phantoms(40, seed=7) == plans[:40]
    assert plan_phantoms(5, seed=8) != plans[:5]
    assert plan_phantoms(0, seed=7) == []


def test_repeats_show_the_same_fetus_in_another_view(plans):
    pairs = [(a, b) for a, b in pairwise(plans) if a.examination == b.examination]
    ratios = np.array([hc_mm(b) / hc_mm(a) for a, b in pairs])
    assert np.all(np.abs(ratios - 1) < 0.12)
    assert np.std(ratios) > 0.005
    assert all(a.angle_rad != b.angle_rad and a.seed != b.seed for a, b in pairs)


def test_plans_cover_the_ranges_of_hc18(plans):
    hc = np.array([hc_mm(phantom) for phantom in plans])
    assert hc.min() >= 44 - 1e-6 and hc.max() <= 346 + 1e-6
    assert hc.min() < 60 and hc.max() > 330
    assert 0.13 < np.mean(hc < 120) < 0.23
    assert 0.53 < np.mean((hc >= 120) & (hc <= 200)) < 0.67
    pixel_size = np.array([phantom.pixel_size_mm for phantom in plans])
    assert pixel_size.min() >= 0.05 and pixel_size.max() <= 0.39
    assert np.corrcoef(hc, pixel_size)[0, 1] > 0.7
    index = np.array([phantom.semi_short_px / phantom.semi_long_px for phantom in plans])
    assert index.min() >= 0.66 - 1e-9 and index.max() <= 0.92 + 1e-9
    assert abs(index.mean() - 0.78) < 0.01
    steep = np.mean([abs(np.degrees(phantom.angle_rad)) > 50 for phantom in plans])
    assert 0.03 < steep < 0.15
    sizes = {(phantom.width_px, phantom.height_px) for phantom in plans}
    assert (800, 540) in sizes and len(sizes) > 5


def test_every_ellipse_lies_inside_its_image(plans):
    t = np.linspace(0, 2 * np.pi, 180)
    for phantom in plans:
        outline = ellipse_points(phantom, t, np.zeros(1))[:, 0]
        assert outline.min() >= 5
        assert np.all(outline <= [phantom.width_px - 6, phantom.height_px - 6])


def test_plan_agrees_with_the_landmark_geometry(plans):
    phantom = plans[3]
    centre = (phantom.centre_x, phantom.centre_y)
    points = ellipse_landmarks(centre, phantom.semi_long_px, phantom.semi_short_px, phantom.angle_rad)
    assert head_lengths(points) == pytest.approx((2 * phantom.semi_short_px, 2 * phantom.semi_long_px))


def test_drawing_is_deterministic_and_has_the_planned_size(plans):
    odd = next(phantom for phantom in plans if phantom.width_px != 800)
    for phantom in (plans[0], odd):
        image = draw_phantom(phantom)
        assert image.dtype == np.uint8
        assert image.shape == (phantom.height_px, phantom.width_px)
        np.random.random()  # noqa: NPY002 - the global generator has no part in it
        assert np.array_equal(image, draw_phantom(phantom))


def test_repeats_are_drawn_anew(plans):
    first, second = next((a, b) for a, b in pairwise(plans) if a.examination == b.examination)
    assert not np.array_equal(draw_phantom(first)[:540, :738], draw_phantom(second)[:540, :738])


def outer_edge(image, phantom, t):
    """Signed distance (px) of the visible outer edge from the ellipse around `t`; None if the skull is faint.

    The edge is where the profile, averaged over 4 degrees against speckle, falls halfway from the skull's
    grey to that of its surroundings.
    """
    distance = np.arange(-22, 16, 0.25)
    points = ellipse_points(phantom, t + np.radians(np.linspace(-2, 2, 9)), distance).astype(np.float32)
    profile = cv2.remap(image, points[..., 0], points[..., 1], cv2.INTER_LINEAR).astype(float).mean(axis=0)
    peak = int(np.argmax(np.where(distance < 1, profile, 0)))
    outside = np.median(profile[distance > 7])
    if profile[peak] - outside < 60:
        return None
    fallen = profile[peak:] < (profile[peak] + outside) / 2
    return distance[peak + int(np.argmax(fallen))]


def test_visible_outer_edge_of_the_skull_is_the_ellipse():
    """Over both walls that face the beam: no bias, and 1.5 px for nine edges in ten."""
    edges, looked_at = [], 0
    for phantom in plan_phantoms(24, seed=11):
        image = draw_phantom(phantom)
        for t in np.linspace(0, 2 * np.pi, 48, endpoint=False):
            normal = np.diff(ellipse_points(phantom, [t], np.array([0.0, 1.0]))[0], axis=0)[0]
            if abs(normal[1]) > 0.85:  # beams run roughly down the image
                looked_at += 1
                edge = outer_edge(image, phantom, t)
                if edge is not None:
                    edges.append(edge)
    assert len(edges) > 0.8 * looked_at
    assert abs(np.median(edges)) < 0.35
    assert np.mean(np.abs(edges) <= 1.5) > 0.9


def test_walls_facing_the_beam_are_brighter_than_the_sides():
    facing, sides = [], []
    for phantom in plan_phantoms(24, seed=12):
        image = draw_phantom(phantom)
        t = np.linspace(0, 2 * np.pi, 120)
        ring = ellipse_points(phantom, t, np.array([-5.0, -3.0])).round().astype(int)
        vertical = np.abs(np.diff(ellipse_points(phantom, t, np.array([0.0, 1.0])), axis=1)[:, 0, 1])
        grey = image[ring[..., 1], ring[..., 0]].mean(axis=1)
        facing.append(grey[vertical > 0.9].mean())
        sides.append(grey[vertical < 0.2].mean())
    assert np.mean(facing) > np.mean(sides) + 50


def test_spoilt_labels_are_the_share_asked_for_mostly_small_heads_and_swapped():
    plans = plan_phantoms(400, seed=4)
    truth = true_landmarks(plans)
    spoilt = spoil_labels(plans, truth, 0.28)
    bad = np.abs(spoilt[:, [2, 3, 0, 1]] - truth).max(axis=(1, 2)) > 0
    assert bad.sum() == 112
    bpd, ofd = head_lengths(truth)
    hc = head_circumference(bpd, ofd) * [p.pixel_size_mm for p in plans]
    assert bad[hc < 100].mean() > 0.8 and bad[hc > 220].mean() < 0.1
    short, long = head_lengths(spoilt[~bad])
    assert (short > long).all()  # the names are exchanged in the other rows too
    assert np.array_equal(spoilt, spoil_labels(plans, truth, 0.28))
