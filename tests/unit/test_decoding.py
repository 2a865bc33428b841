"""Reflections: each end of a diameter comes back on its channel, and doubts show as low peaks."""

import numpy as np
import pytest

from fetal_biometry import heatmaps, masks
from fetal_biometry.decoding import average_reflections, locate
from fetal_biometry.geometry import ellipse_landmarks
from fetal_biometry.landmarks import canonical

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
    sizes = np.array([[CELLS, CELLS]])
    _, sure = locate(draw_where_it_is_bright(image), sizes, "fused", 1.5)
    _, unsure = locate(doubtful, sizes, "fused", 1.5)
    (confidence, _, height, blur), (unsure, _, low, blurred) = sure[0], unsure[0]
    assert unsure < 0.6 * confidence and low <= height and blurred > 1.3 * blur
