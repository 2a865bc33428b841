"""Phantoms turned, scaled, moved or dimmed have the same lengths, by the pretrained model."""

import cv2
import numpy as np
import pytest

from fetal_biometry.data.phantom import draw_phantom, plan_phantoms
from fetal_biometry.measure.api import measure_images
from fetal_biometry.measure.flags import doubts_of
from fetal_biometry.terms import LENGTHS


def scaled(factor):
    kind = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return lambda image: cv2.resize(image, None, fx=factor, fy=factor, interpolation=kind)


VIEWS = {  # each with its scale
    "mirrored": (np.fliplr, 1),
    "upside down": (np.flipud, 1),
    "turned by 90 degrees": (np.rot90, 1),
    "turned by 180 degrees": (lambda image: np.rot90(image, 2), 1),
    "smaller": (scaled(0.8), 0.8),
    "larger": (scaled(1.25), 1.25),
    "moved to the upper left": (lambda image: np.pad(image, ((0, 40), (0, 60))), 1),
    "moved to the lower right": (lambda image: np.pad(image, ((40, 0), (60, 0))), 1),
    "brighter": (lambda image: np.clip(1.3 * image, 0, 255).astype(np.uint8), 1),
    "darker": (lambda image: (0.6 * image).astype(np.uint8), 1),
}


@pytest.fixture(scope="module")
def phantoms():
    images = [draw_phantom(plan) for plan in plan_phantoms(24, seed=77)]
    return images, measured(images)[0]


def measured(images):
    """Lengths in pixels, (N, 3), and which images have no flag."""
    table = measure_images([np.ascontiguousarray(image) for image in images])
    return table[[f"{name}_px" for name in LENGTHS]].to_numpy(), np.array(doubts_of(table["flags"])) == ""


@pytest.mark.parametrize("view", VIEWS)
def test_lengths_stay_or_are_flagged(phantoms, view):
    images, before = phantoms
    show, scale = VIEWS[view]
    after, trusted = measured([show(image) for image in images])
    change = np.abs(after / (scale * before) - 1)
    median, largest = (0.03, 0.06) if "90" in view else (0.006, 0.03)  # no scan is seen lying on its side
    assert (np.median(change, axis=0) < median).all(), f"median {np.median(change, axis=0)}"
    assert trusted.sum() >= 20 and (change[trusted] < largest).all(), (
        f"largest without a flag {change[trusted].max(axis=0)}"
    )
