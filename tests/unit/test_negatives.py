"""Images without a head: always the same ones, of every kind, and no two alike."""

import numpy as np
import pytest

from fetal_biometry.data.negatives import HEAD, KINDS, SCANS, TRAINING_KINDS, draw_all, draw_negative
from fetal_biometry.model.geometry import fit_square


@pytest.mark.parametrize("kind", [HEAD, *KINDS])
def test_a_seed_gives_the_same_image_and_another_seed_another(kind):
    image = draw_negative(kind, 3)
    assert image.shape[0] in range(540, 545) and image.shape[1] in range(738, 801) and image.dtype == np.uint8
    assert np.array_equal(image, draw_negative(kind, 3))
    others = [draw_negative(kind, seed) for seed in range(4, 7)]
    assert any(other.shape != image.shape or not np.array_equal(image, other) for other in others)


@pytest.mark.parametrize("kind", SCANS)
def test_scans_look_like_scans(kind):
    """Grey speckle in a fan, black around it, as bright as the phantoms of heads."""
    shown = np.stack([draw_negative(kind, seed)[:540, :738] for seed in range(6)])
    assert 15 < shown.mean() < 110 and (shown == 0).mean() > 0.02


def test_some_kinds_are_held_out():
    assert set(TRAINING_KINDS) < set(KINDS) and "femur" not in TRAINING_KINDS


def test_they_are_prepared_like_any_image_and_their_size_is_the_original_one():
    images, rows = draw_all(["abdomen", "text"], [5, 6], 64, processes=2)
    assert rows["image_name"].tolist() == ["abdomen 5", "abdomen 6", "text 5", "text 6"]
    for image, row in zip(images, rows.to_dict("records"), strict=True):
        whole = draw_negative(row["kind"], int(row["image_name"].split()[1]))
        assert (row["width_px"], row["height_px"]) == whole.shape[::-1]
        assert np.array_equal(image, fit_square(whole, 64))
