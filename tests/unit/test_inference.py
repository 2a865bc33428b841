"""An exported network gives what PyTorch gives, in original pixels; other files are refused."""

import numpy as np
import pytest
import torch

from export_model import Exported, describe, export
from fetal_biometry.errors import InputError
from fetal_biometry.model.detection import find_heads
from fetal_biometry.model.geometry import all_lengths, ellipse_landmarks
from fetal_biometry.model.heatmaps import encode
from fetal_biometry.model.inference import Predictor
from fetal_biometry.model.landmarks import canonical
from fetal_biometry.model.networks import build_networks
from fetal_biometry.model.quantise import quantise
from fetal_biometry.model.training import describe_architecture, drawn_maps, heatmap_loss
from fetal_biometry.model.views import show_labelled

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the exporter that export_model uses

SETTINGS = {
    "kind": "heatmap",
    "experiment": "tiny",
    "image_size": 32,
    "cache_size": 64,
    "decoder": "subpixel",
    "loss": "cross_entropy",
    "seed": 1,
    "sigma_px": 4,
    "stride": 2,
    "stem_stride": 1,
    "width": 4,
    "depth": 2,
    "batch_norm": True,
    "transposed": False,
    "grey_scaling": "standardise",
    "epochs": 2,
    "mask_weight": 0,
    "reflections": "none",
    "closeup": None,
    "zooms": [1],
    "second_opinion": None,
    "arithmetic": "float32",
}
CLOSEUP = {"looks": 1, "finder": {"width": 2, "gate": True}, "field": 1.4}
KINDS = {
    "heatmap": SETTINGS,
    "mse": {**SETTINGS, "loss": "mse", "transposed": True, "batch_norm": False, "decoder": "paired"},
    "fused": {**SETTINGS, "mask_weight": 5, "decoder": "fused"},
    "reflected": {**SETTINGS, "mask_weight": 5, "decoder": "fused", "reflections": "all"},
    "closer": {**SETTINGS, "mask_weight": 5, "decoder": "fused", "closeup": CLOSEUP},
    "nearer": {
        **SETTINGS,
        "mask_weight": 5,
        "decoder": "fused",
        "closeup": {**CLOSEUP, "looks": 2},
        "zooms": [1, 1.5],
        "second_opinion": {"disagreement": 0.01, "reflections": "all", "zooms": [1, 1.2]},
    },
    "direct": {**SETTINGS, "kind": "direct", "loss": "mse", "grey_scaling": "unit"},
}
SIZES = np.array([[800.0, 540.0], [640.0, 480.0], [300.0, 300.0]])


@pytest.fixture(scope="module", params=KINDS)
def exported(request, tmp_path_factory):
    """Untrained networks as PyTorch modules, one a look, and as file, their settings, and three images."""
    settings = KINDS[request.param]
    torch.manual_seed(4)
    models = [untrained(settings)]
    images = torch.randint(0, 256, (3, 1, 32, 32), dtype=torch.uint8)
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    modules = [Exported(models, look) for look in range(2 if settings["closeup"] else 1)]
    networks = export(models, images[:2], describe(models, settings), path)
    assert len(networks) == len(modules)
    return modules, Predictor(path), settings, images


def untrained(settings):
    architecture = describe_architecture(settings)
    state = build_networks(architecture).state_dict()
    if settings["closeup"]:  # nearly closed
        state |= {"0.gate_weight": torch.randn_like(state["0.gate_weight"]), "0.gate_bias": torch.tensor(-1.0)}
    return {
        "architecture": architecture,
        "settings": settings,
        "state": state,
        "stretch": (1.01, 1.02),
        "epoch": 2,
        "parameters": 7,
        "seconds": 1.5,
        "data_digest": "abc",
    }


def run(module, images):
    with torch.no_grad():
        return module(images).numpy()


def test_outputs_agree_with_pytorch_for_any_number_of_images(exported):
    modules, predictor, _, images = exported
    for look, module in enumerate(modules):
        for count in (1, 2, 3):
            expected = run(module, images[:count])
            found = predictor.outputs(images[:count, 0].numpy(), look)
            assert found.shape == expected.shape
            assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_landmarks_are_in_original_pixels_and_canonical_order(exported):
    modules, predictor, settings, images = exported
    points, evidence = predictor.locate(images[:, 0].numpy(), SIZES)
    if settings["kind"] == "direct":
        expected = run(modules[0], images).astype(float) * SIZES[:, None] - 0.5
        assert np.isnan(evidence).all()
    else:
        keys = ("decoder", "reflections", "closeup", "zooms", "second_opinion", "image_size")
        reading = {key: settings[key] for key in keys}
        expected, sure = find_heads(
            lambda seen, look: run(modules[min(look, 1)], torch.from_numpy(seen[:, None])), images[:, 0].numpy(), SIZES,
            {**reading, "sigma_cells": 2.0, "stretch": (1.01, 1.02)},
        )  # fmt: skip
        assert evidence == pytest.approx(sure, abs=1e-3, nan_ok=True)
        assert ((evidence[:, 0] >= 0) & (evidence[:, 0] <= 1)).all()
        assert np.isfinite(evidence[:, 1:4]).all() == (settings["decoder"] == "fused")
        assert np.isfinite(evidence[:, 4]).all() == (settings["closeup"] is not None)
    assert np.array_equal(points, canonical(points))
    assert all_lengths(points) == pytest.approx(all_lengths(expected), abs=0.2)
    assert points == pytest.approx(canonical(expected), abs=0.2)


def test_eight_bit_integers_find_the_same_heads(tmp_path):
    settings = {**KINDS["closer"], "arithmetic": "int8", "width": 16}
    torch.manual_seed(0)
    images = torch.randint(0, 256, (3, 1, 32, 32), dtype=torch.uint8)
    path = tmp_path / "model.onnx"
    networks = export([untrained(settings)], images[:2], describe([untrained(settings)], settings), path)
    exact, size = Predictor(path), path.stat().st_size
    seen, maps = images[:, 0].numpy(), exact.outputs(images[:, 0].numpy())
    before, _ = exact.locate(seen, SIZES)
    change = quantise(path, networks, seen, SIZES)
    rough = Predictor(path)
    assert rough.metadata == exact.metadata and path.stat().st_size < size
    assert 0 < np.abs(rough.outputs(seen) - maps).max() < 0.1 * maps.max()
    assert len({rough.outputs(seen, look).sum() for look in (0, 1, 2)}) == 2
    shares = all_lengths(rough.locate(seen, SIZES)[0]) / all_lengths(before)
    assert change == pytest.approx(np.median(np.abs(shares - 1)))


def test_several_networks_draw_their_mean(tmp_path):
    settings = KINDS["fused"]
    models = [untrained(settings), {**untrained(settings), "stretch": (1.03, 1.0), "data_digest": "def"}]
    images = torch.randint(0, 256, (2, 1, 32, 32), dtype=torch.uint8)
    path = tmp_path / "model.onnx"
    export(models, images, describe(models, settings), path)
    drawn = []
    for model in models:
        (network,) = networks = build_networks(model["architecture"]).eval()
        networks.load_state_dict(model["state"])
        drawn.append(drawn_maps(torch.from_numpy(run(network, images)), "cross_entropy").numpy())
    predictor = Predictor(path)
    assert np.abs(drawn[0] - drawn[1]).max() > 1e-3
    assert predictor.outputs(images[:, 0].numpy()) == pytest.approx(np.mean(drawn, axis=0), abs=5e-5)
    described = predictor.metadata
    assert described["networks"] == 2 and described["parameters"] == 14 and described["seconds"] == 3
    assert described["stretch"] == pytest.approx([1.02, 1.01])
    assert described["data_digest"] not in ("abc", "def")


def test_images_cached_larger_are_squeezed_to_what_the_network_is_shown(exported):
    _, predictor, _, images = exported
    doubled = images[:, 0].numpy().repeat(2, axis=1).repeat(2, axis=2)
    assert np.array_equal(predictor.outputs(doubled), predictor.outputs(images[:, 0].numpy()))


def test_own_loss_is_the_loss_of_training(exported):
    modules, predictor, settings, images = exported
    points = np.stack([ellipse_landmarks(size / 2, 0.3 * size[0], 0.25 * size[0], 0.2) for size in SIZES])
    seen, places = show_labelled(images[:, 0].numpy(), SIZES, points, settings["closeup"], 32)
    seen = torch.from_numpy(seen[:, None])
    if settings["kind"] == "direct":
        expected = ((run(modules[-1], seen) - (places + 0.5) / 32) ** 2).mean()
    else:
        targets = torch.from_numpy(encode((places + 0.5) / 2 - 0.5, 16, 2.0))
        with torch.no_grad():
            logits = modules[-1].networks[0](seen)[:, :4]
        expected = heatmap_loss(logits, targets, settings["loss"]).mean().item()
    found = predictor.own_loss(images[:, 0].numpy(), SIZES, points)
    assert found.shape == (3,)
    assert found.mean() == pytest.approx(expected, rel=1e-4)


def test_metadata_says_how_to_read_the_output(exported):
    _, predictor, settings, _ = exported
    assert predictor.image_size == 32 and predictor.cache_size == 64
    assert predictor.metadata["sigma_cells"] == 2
    assert {key: predictor.metadata[key] for key in ("kind", "decoder", "loss")} == {
        key: settings[key] for key in ("kind", "decoder", "loss")
    }
    assert predictor.metadata["data_digest"] == "abc"


def test_files_that_are_no_model_are_refused(tmp_path):
    for content in (None, b"", b"no model at all"):
        path = tmp_path / "model.onnx"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InputError, match=r"model\.onnx: not a readable ONNX model .*; export it again"):
            Predictor(path)


def test_another_program_s_model_is_refused(tmp_path):
    path = tmp_path / "other.onnx"
    torch.onnx.export(torch.nn.ReLU(), (torch.zeros(1, 2),), path, dynamo=False, opset_version=17)
    with pytest.raises(InputError, match=r"other\.onnx: an ONNX model, but not exported by this workflow; give"):
        Predictor(path)


def test_a_model_of_another_version_is_refused(tmp_path):
    """One network looked twice in earlier ones."""
    path = tmp_path / "model.onnx"
    settings = KINDS["fused"]
    metadata = {**describe([untrained(settings)], settings), "closeup": {"looks": 1, "field": 1.3}}
    images = torch.zeros((2, 1, 32, 32), dtype=torch.uint8)
    with pytest.raises(InputError, match=r"model\.onnx: a model of another version of this workflow; train it again"):
        export([untrained(settings)], images, metadata, path)
