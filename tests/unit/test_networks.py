"""Shapes, sizes and the scaling that is part of a network."""

import pytest
import torch

from fetal_biometry.model.networks import build_network, count_parameters, describe_architecture
from fetal_biometry.recipe import Network

UNET = {
    "kind": "heatmap",
    "width": 4,
    "depth": 3,
    "stem_stride": 1,
    "stride": 1,
    "batch_norm": True,
    "transposed": False,
    "grey_scaling": "unit",
    "head_mask": False,
}
DIRECT = {"kind": "direct", "width": 4, "depth": 3, "image_size": 64, "grey_scaling": "unit"}


def noise(count=2, size=64):
    return torch.randint(0, 256, (count, 1, size, size), dtype=torch.uint8, generator=torch.manual_seed(1))


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("stem_stride", [1, 2, 4])
@pytest.mark.parametrize("transposed", [False, True])
def test_heatmaps_have_the_resolution_asked_for(depth, stem_stride, transposed):
    for level in range(depth + 1):
        stride = stem_stride * 2**level
        changed = {"depth": depth, "stem_stride": stem_stride, "stride": stride, "transposed": transposed}
        with torch.no_grad():
            logits = build_network({**UNET, **changed})(noise())
        assert logits.shape == (2, 4, 64 // stride, 64 // stride)
        assert logits.dtype == torch.float32


def test_the_head_mask_is_a_fifth_channel():
    with torch.no_grad():
        assert build_network({**UNET, "head_mask": True})(noise()).shape == (2, 5, 64, 64)


def test_coordinates_have_two_axes():
    with torch.no_grad():
        assert build_network(DIRECT)(noise(3)).shape == (3, 4, 2)


def test_the_baseline_has_its_published_size():
    baseline = {"width": 32, "depth": 2, "batch_norm": False, "transposed": True}
    assert count_parameters(build_network({**UNET, **baseline})) == pytest.approx(0.47e6, abs=0.005e6)


def test_parameters_that_are_not_trained_are_not_counted():
    network = build_network(DIRECT)
    assert count_parameters(network) == sum(value.numel() for value in network.state_dict().values())
    network.regress.requires_grad_(False)
    assert count_parameters(network) == sum(value.numel() for value in network.features.state_dict().values())


def scaled(grey_scaling, images):
    return build_network({**UNET, "grey_scaling": grey_scaling}).scale(images)


def test_grey_values_are_scaled_inside_the_network():
    images = noise()
    assert torch.equal(scaled("none", images), images.float())
    assert torch.equal(scaled("unit", images), images / 255)
    standard = scaled("standardise", images)
    assert standard.mean(dim=(2, 3)).abs().max() < 1e-5
    assert standard.std(dim=(2, 3)) == pytest.approx(1, abs=0.02)


def test_standardising_forgets_gain_and_survives_a_blank_image():
    dark = noise() // 2
    half, full = scaled("standardise", dark), scaled("standardise", 2 * dark)
    assert (half - full).abs().max() < 0.1  # of standard deviations
    assert torch.equal(scaled("standardise", torch.full((1, 1, 8, 8), 90, dtype=torch.uint8)), torch.zeros(1, 1, 8, 8))


def test_the_architecture_is_plain_and_holds_no_more_than_it_needs():
    assert describe_architecture(Network(**UNET), 64) == UNET
    direct = Network(**{**UNET, "kind": "direct"})
    assert describe_architecture(direct, 64) == DIRECT


@pytest.mark.parametrize("description", [UNET, DIRECT])
def test_every_parameter_takes_part(description):
    torch.manual_seed(2)
    network = build_network(description)
    network(noise()).square().mean().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("description", [UNET, DIRECT])
def test_an_image_s_output_does_not_depend_on_its_batch(description):
    torch.manual_seed(3)
    network = build_network(description).eval()
    images = noise(3)
    with torch.no_grad():
        assert torch.allclose(network(images)[1:2], network(images[1:2]), atol=1e-5)
