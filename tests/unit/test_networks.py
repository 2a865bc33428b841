"""Shapes, sizes and the scaling that is part of a network."""

import pytest
import torch

from fetal_biometry.model.networks import build_networks, count_parameters

UNET = {
    "kind": "heatmap",
    "width": 4,
    "depth": 3,
    "stem_stride": 1,
    "stride": 1,
    "batch_norm": True,
    "transposed": False,
    "grey_scaling": "unit",
    "mask": False,
}
DIRECT = {"kind": "direct", "width": 4, "depth": 3, "image_size": 64, "grey_scaling": "unit"}


def build_one(description):
    (network,) = build_networks(description)
    return network


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
            logits = build_one({**UNET, **changed})(noise())
        assert logits.shape == (2, 4, 64 // stride, 64 // stride)
        assert logits.dtype == torch.float32


def test_the_filled_head_is_a_fifth_channel():
    with torch.no_grad():
        assert build_one({**UNET, "mask": True})(noise()).shape == (2, 5, 64, 64)


def test_coordinates_have_two_axes():
    with torch.no_grad():
        assert build_one(DIRECT)(noise(3)).shape == (3, 4, 2)


def test_the_reference_network_has_its_published_size():
    reference = {"width": 32, "depth": 2, "batch_norm": False, "transposed": True}
    assert count_parameters(build_one({**UNET, **reference})) == pytest.approx(0.47e6, abs=0.005e6)


def test_parameters_that_are_not_trained_are_not_counted():
    network = build_one(DIRECT)
    assert count_parameters(network) == sum(value.numel() for value in network.state_dict().values())
    network.regress.requires_grad_(False)
    assert count_parameters(network) == sum(value.numel() for value in network.features.state_dict().values())


def scaled(grey_scaling, images):
    return build_one({**UNET, "grey_scaling": grey_scaling}).scale(images)


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


def test_a_network_of_its_own_finds_the_head():
    description = {**UNET, "stride": 4, "stem_stride": 2}
    finder, closer = build_networks({**description, "finder": {"width": 2, "stem_stride": 4}})
    alone = build_one(description)
    assert {name: value.shape for name, value in closer.state_dict().items()} == {
        name: value.shape for name, value in alone.state_dict().items()
    }
    assert count_parameters(finder) < count_parameters(alone) / 3
    with torch.no_grad():
        assert finder(noise()).shape == closer(noise()).shape


def test_a_gate_closes_the_filled_head_alone():
    torch.manual_seed(5)
    gated, plain = (build_one({**UNET, "mask": True, "gate": gate}).eval() for gate in (True, False))
    gated.load_state_dict(plain.state_dict(), strict=False)
    assert count_parameters(gated) == count_parameters(plain)
    with torch.no_grad():
        assert torch.allclose(gated(noise()), plain(noise()), atol=1e-6)
        odds = torch.randn(gated.gate_weight.shape)
        gated.gate_weight.copy_(odds)
        gated.gate_bias.fill_(-0.5)
        closed = torch.nn.functional.softplus(0.5 - gated.overview(noise()) @ odds)
        lowered = plain(noise()) - gated(noise())
    assert torch.allclose(lowered[:, :4], torch.zeros_like(lowered[:, :4]))
    assert torch.allclose(lowered[:, 4], closed[:, None, None].expand_as(lowered[:, 4]), atol=1e-4)


@pytest.mark.parametrize("description", [UNET, DIRECT])
def test_every_parameter_takes_part(description):
    torch.manual_seed(2)
    network = build_one(description)
    network(noise()).square().mean().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("description", [UNET, DIRECT])
def test_an_image_s_output_does_not_depend_on_its_batch(description):
    torch.manual_seed(3)
    network = build_one(description).eval()
    images = noise(3)
    with torch.no_grad():
        assert torch.allclose(network(images)[1:2], network(images[1:2]), atol=1e-5)
