"""Images without a head: always the same ones, of every kind, and no two alike."""

import numpy as np
import pytest

from draw_strangers import draw
from fetal_biometry.data.negatives import HEAD, KINDS, SCANS, TAUGHT, draw_stranger
from fetal_biometry.model.landmarks import COLUMNS, canonical


@pytest.mark.parametrize("kind", [HEAD, *KINDS])
def test_a_seed_gives_the_same_image_and_another_seed_another(kind):
    image, place = draw_stranger(kind, 3)
    again, there = draw_stranger(kind, 3)
    assert image.shape[0] in range(540, 545) and image.shape[1] in range(738, 801) and image.dtype == np.uint8
    assert np.array_equal(image, again) and np.array_equal(place, there)
    others = [draw_stranger(kind, seed)[0] for seed in range(4, 8)]
    assert any(other.shape != image.shape or not np.array_equal(image, other) for other in others)
    assert np.array_equal(place, canonical(place[None])[0])
    assert (place >= 0).all() and (place < image.shape[::-1]).all()


@pytest.mark.parametrize("kind", SCANS)
def test_scans_look_like_scans(kind):
    """Grey speckle in a fan, black around it, as bright as the phantoms of heads."""
    shown = np.stack([draw_stranger(kind, seed)[0][:540, :738] for seed in range(6)])
    assert 15 < shown.mean() < 110 and (shown == 0).mean() > 0.02


def test_networks_are_judged_on_kinds_that_taught_them_nothing():
    assert set(TAUGHT) < set(KINDS) and "femur" not in TAUGHT


def test_they_are_squeezed_and_their_place_is_in_original_pixels():
    image, row = draw("abdomen", 5, 64)
    whole, place = draw_stranger("abdomen", 5)
    assert image.shape == (64, 64)
    assert (row["width_px"], row["height_px"]) == whole.shape[::-1]
    assert [row[column] for column in COLUMNS] == pytest.approx(place.ravel(), abs=1e-3)
