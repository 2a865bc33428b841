"""The pretrained model of version 0.1.0: read in two stages, and measured as that version measured it."""

import json

import cv2
import numpy as np
import onnx
import pytest

from fetal_biometry.data.phantom import draw_phantom, plan_phantoms
from fetal_biometry.errors import InputError
from fetal_biometry.measure.api import PRETRAINED, measure_images
from fetal_biometry.model import head_mask, heatmaps
from fetal_biometry.model.cascade import crops, find_heads_in_stages
from fetal_biometry.model.detection import (
    BLUR,
    CONFIDENCE,
    DISAGREEMENT,
    HEIGHT,
    STAGE_DISAGREEMENT,
    Decoding,
    farthest,
    locate,
)
from fetal_biometry.model.geometry import all_lengths, ellipse_landmarks
from fetal_biometry.model.inference import Predictor
from fetal_biometry.model.landmarks import canonical
from fetal_biometry.model.onnx_file import METADATA as METADATA_KEY
from fetal_biometry.model.onnx_file import open_model, preparation
from fetal_biometry.model.views import to_grid, whole_views
from fetal_biometry.terms import LENGTHS

CELLS, SIZES = 32, np.array([[800, 540]])
WHOLE, FUSED, NOTHING = whole_views(SIZES, squeezed=True), Decoding("fused", 1.5), np.zeros((1, 64, 64), np.uint8)
METADATA = {
    "image_size": 64, "decoder": "fused", "sigma_cells": 1.5, "stretch": [1.0, 1.0], "reflections": "none",
    "closeup": {"looks": 1, "field": 1.4}, "zooms": [1], "second_opinion": None,
}  # fmt: skip


def scripted(*turns):
    """Networks that draw a given head, in turn, in the view that they are shown, and tell their stages."""
    script, stages = iter(turns), []

    def draw(images, stage=0):
        stages.append(stage)
        head, view = next(script)
        if head is None:
            return np.zeros((1, 5, CELLS, CELLS), np.float32)
        points = canonical(to_grid(view, head[None], CELLS))
        masks = head_mask.encode(points, CELLS)
        return np.concatenate([heatmaps.encode(points, CELLS, 1.5), masks[:, None]], axis=1)

    draw.stages = stages
    return draw


@pytest.mark.parametrize("angle", [-1.2, 0.0, 0.3, 1.5])
def test_the_refiner_counts_and_tells_how_far_the_localiser_was_off(angle):
    near, true = (ellipse_landmarks(*head, angle) for head in (((410, 300), 140, 120), ((400, 290), 150, 115)))
    first, _ = locate(scripted((near, WHOLE))(None), WHOLE, FUSED)
    draw = scripted((near, WHOLE), (true, crops(first, 1.4)))
    points, quality = find_heads_in_stages(draw, NOTHING, SIZES, METADATA)
    assert draw.stages == [0, 1]
    assert all_lengths(points[0]) == pytest.approx(all_lengths(true), rel=0.01)
    assert quality[0, STAGE_DISAGREEMENT] == pytest.approx(farthest(first, true[None])[0], abs=0.03)


def test_a_refiner_that_draws_no_head_leaves_the_localiser_s():
    head = ellipse_landmarks((410, 300), 140, 120, 0.3)
    points, quality = find_heads_in_stages(scripted((head, WHOLE), (None, None)), NOTHING, SIZES, METADATA)
    once, alone = locate(scripted((head, WHOLE))(None), WHOLE, FUSED)
    assert np.array_equal(points, once)
    assert np.array_equal(quality[:, [DISAGREEMENT, BLUR]], alone[:, [DISAGREEMENT, BLUR]])
    assert quality[0, CONFIDENCE] == quality[0, HEIGHT] == 0 < alone[0, CONFIDENCE]  # though the refiner saw nothing
    assert quality[0, STAGE_DISAGREEMENT] == 1


def test_where_the_estimates_disagree_flips_of_both_stages_and_two_scales_are_read():
    """Heads in the middle of the image and upright, which no flip moves."""
    head = ellipse_landmarks((399.5, 269.5), 150, 115, 0.0)
    (found,) = locate(scripted((head, WHOLE))(None), WHOLE, FUSED)[:1]
    near, far = crops(found, 1.4), whole_views(SIZES, 1.5, squeezed=True)
    again = {"disagreement": -1.0, "reflections": "all", "zooms": [1, 1.5]}  # always
    first = [(head, WHOLE), (head, near)]
    turns = [*first, *[(head, WHOLE)] * 4, *[(head, near)] * 4, *[(head, far)] * 4, *[(head, near)] * 4]
    draw = scripted(*turns)
    points, quality = find_heads_in_stages(draw, NOTHING, SIZES, {**METADATA, "second_opinion": again})
    assert draw.stages == [0, 1, *([0] * 4 + [1] * 4) * 2]
    assert all_lengths(points[0]) == pytest.approx(all_lengths(head), rel=0.01)
    assert quality[0, STAGE_DISAGREEMENT] < 0.03


def moments(images):
    """Stands for the networks: maps of the ellipse with an image's moments, with peaks 2 % inside, or 7 % in dim ones.

    So nothing but the reading is tested, to a digit, on any processor.
    """
    maps = np.zeros((len(images), 5, 64, 64), np.float32)
    places = np.indices(images.shape[1:])[::-1].reshape(2, -1)
    for drawn, image in zip(maps, images, strict=True):
        grey = image.ravel().astype(float)
        if grey.any():
            middle = (places * grey).sum(axis=1) / grey.sum()
            spread, axes = np.linalg.eigh(np.cov(places, aweights=grey))
            short, long = 2 * np.sqrt(spread)[:, None] * axes.T
            head = canonical(np.array([middle - long, middle + long, middle - short, middle + short]))
            head = (head + 0.5) / 4 - 0.5
            inside, centre = 0.98 if image.max() > 150 else 0.93, head.mean(axis=0)
            drawn[:4] = heatmaps.encode((centre + inside * (head - centre))[None], 64, 2.0)[0]
            drawn[4] = head_mask.encode(head[None], 64)[0]
    return maps


ELLIPSES = [  # width and height of the image; centre, semi-axes, angle in degrees and grey level of the ellipse
    ((800, 540), (390, 280), (190, 150), 20, 220),
    ((640, 480), (330, 230), (120, 84), -50, 120),  # dim: its estimates disagree, and it is read again
    ((500, 700), (240, 380), (160, 120), 80, 200),
    ((800, 540), (390, 280), (190, 150), 20, 0),  # nothing
]
MEASURED = [  # by version 0.1.0, at 0.2 mm a pixel: BPD, OFD, HC and the ends of its interval
    [59.986, 75.919, 214.213, 211.221, 217.205],
    [33.217, 47.408, 127.630, 126.114, 129.145],
    [47.983, 64.044, 176.876, 174.643, 179.110],
]


def test_it_reads_the_model_s_maps_as_version_0_1_0_did(monkeypatch):
    """Preparing, both stages, test-time augmentation, bias correction, intervals, flags: within 0.01 mm."""
    seen = []

    def outputs(self, images, stage=0):
        seen.append((len(images), stage))
        return moments(images)

    monkeypatch.setattr(Predictor, "outputs", outputs)
    images = [np.zeros((height, width), np.uint8) for (width, height), *_ in ELLIPSES]
    for image, (_, centre, axes, angle, grey) in zip(images, ELLIPSES, strict=True):
        cv2.ellipse(image, centre, axes, angle, 0, 360, grey, -1)
    table = measure_images(images, 0.2)
    again = [*[(2, 0)] * 4, *[(2, 1)] * 4]  # four flips in each stage
    assert seen == [(4, 0), (4, 1), *again, *again], "once, then the dim and the empty image at two scales"
    found = table[["bpd_mm", "ofd_mm", "hc_mm", "hc_mm_low", "hc_mm_high"]].to_numpy()
    assert np.abs(found[:3] - MEASURED).max() < 0.01
    assert list(table["flags"][:3]) == [""] * 3 and "faint head" in table["flags"][3]
    assert table["contrast"].to_numpy() == pytest.approx([0.8627, 0.4706, 0.7843, 0], abs=0.005)


PHANTOMS = [  # of seed 3, by version 0.1.0 in pixels: BPD, OFD, HC
    [235.341, 347.985, 924.848],
    [480.516, 643.002, 1774.058],
    [254.177, 363.314, 977.541],
]


def test_it_measures_phantoms_as_version_0_1_0_did():
    """Within 1 %: networks of 8-bit integers change a length by 0.3 % where a hundredth of the pixels is a level off.

    On one processor both versions give the same digits.
    """
    table = measure_images([draw_phantom(plan) for plan in plan_phantoms(3, seed=3)])
    assert table[[f"{name}_px" for name in LENGTHS]].to_numpy() == pytest.approx(np.array(PHANTOMS), rel=0.01)
    assert list(table["flags"]) == ["no pixel size"] * 3
    assert table["confidence"].to_numpy() == pytest.approx([0.957, 0.907, 0.930], abs=0.03)


@pytest.mark.parametrize("change", [{"reflections": "first"}, {"closeup": {"looks": 2, "field": 1.3}}])
def test_other_cascades_of_that_version_are_refused(change, tmp_path):
    network = onnx.load(PRETRAINED)
    metadata = json.loads({prop.key: prop.value for prop in network.metadata_props}[METADATA_KEY]) | change
    onnx.helper.set_model_props(network, {METADATA_KEY: json.dumps(metadata)})
    onnx.save(network, tmp_path / "model.onnx")
    with pytest.raises(InputError, match="another version"):
        open_model(tmp_path / "model.onnx")


def test_the_pretrained_model_says_how_it_is_read():
    _, metadata = open_model(PRETRAINED)
    assert metadata["cascade"] and metadata["test_time_augmentation"] == "conditional"
    assert preparation(open_model(PRETRAINED)[1]) == (512, True)
