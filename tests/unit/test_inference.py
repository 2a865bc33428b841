"""An exported network gives what PyTorch gives, in original pixels; other files are refused."""

import numpy as np
import onnx
import pytest
import torch
from tiny import FUSED, SIZE, tiny

from fetal_biometry.errors import InputError
from fetal_biometry.model import detection, head_mask, heatmaps
from fetal_biometry.model.export import describe, export, package, save_model
from fetal_biometry.model.geometry import all_lengths, contrast, ellipse_landmarks
from fetal_biometry.model.inference import Predictor, locate_all
from fetal_biometry.model.landmarks import canonical
from fetal_biometry.model.losses import drawn_maps
from fetal_biometry.model.networks import build_network, describe_architecture
from fetal_biometry.model.onnx_file import METADATA
from fetal_biometry.model.quantise import quantise
from fetal_biometry.model.second_head import SECOND_HEAD
from fetal_biometry.model.surroundings import SPAN, SURROUNDINGS
from fetal_biometry.model.views import to_grid, whole_views
from fetal_biometry.terms import COLUMNS

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the exporter that `export` uses

MSE = {
    "network": {"batch_norm": False, "transposed": True},
    "training": {"loss": "mse"},
    "reading": {"decoder": "argmax"},
}
DIRECT = {
    "network": {"kind": "direct", "grey_scaling": "unit"},
    "training": {"loss": "mse"},
    "reading": {"decoder": "argmax"},
}
AUGMENTED = {"reading": {"test_time_augmentation": "conditional", "closer_views": [0.5, 0.7]}}
KINDS = {"paired": (), "mse": (MSE,), "fused": (FUSED,), "augmented": (FUSED, AUGMENTED), "direct": (DIRECT,)}
SIZES = np.array([[800, 540], [480, 640], [300, 300]])
HEADS = np.stack([ellipse_landmarks(size / 2, 0.3 * size[0], 0.25 * size[0], 0.2) for size in SIZES])


def untrained(recipe):
    """As `training.Trainer.models` gives a model."""
    architecture = describe_architecture(recipe.network, SIZE)
    torch.manual_seed(4)
    state = build_network(architecture).state_dict()
    for name, value in state.items():  # that batch normalisation has something to be taken in
        if "running_mean" in name:
            state[name] = 0.3 * torch.randn_like(value)
        elif "running_var" in name:
            state[name] = 0.5 + torch.rand_like(value)
    return {
        "architecture": architecture, "recipe": recipe.training_part(), "image_size": SIZE, "state": state,
        "epoch": 2, "parameters": 7, "seconds": 1.5, "data_digest": "abc", "seen": ["b", "a"],
    }  # fmt: skip


@pytest.fixture(scope="module", params=KINDS)
def exported(request, tmp_path_factory):
    """An untrained network as PyTorch module and as file, its recipe, and three images."""
    recipe = tiny(*KINDS[request.param])
    path, model = tmp_path_factory.mktemp("model") / "model.onnx", untrained(recipe)
    export(model, recipe.reading, path)
    network = build_network(model["architecture"]).eval()
    network.load_state_dict(model["state"])
    images = torch.randint(0, 256, (3, SIZE, SIZE), dtype=torch.uint8, generator=torch.manual_seed(3)).numpy()
    return network, Predictor(path), recipe, images


def logits_of(network, images):
    with torch.no_grad():
        return network(torch.from_numpy(images[:, None]))


def test_outputs_agree_with_pytorch_for_any_number_of_images(exported):
    network, predictor, recipe, images = exported
    for count in (1, 2, 3):
        expected = logits_of(network, images[:count])
        if recipe.network.kind == "heatmap":
            expected = drawn_maps(expected, recipe.training.loss)
        found = predictor.outputs(images[:count])
        assert found.shape == tuple(expected.shape)
        assert np.abs(found - expected.numpy()).max() < 2e-4 * expected.abs().max()


def test_landmarks_are_what_the_metadata_makes_of_the_outputs(exported):
    """Of the same outputs: the highest cell of an untrained network's maps is chance."""
    _, predictor, recipe, images = exported
    points, quality = predictor.locate(images, SIZES)
    if recipe.network.kind == "direct":
        expected = detection.locate_coordinates(predictor.outputs(images), SIZES)
        assert np.isnan(quality).all()
    else:
        keys = ("decoder", "test_time_augmentation", "closer_views")
        read = {key: getattr(recipe.reading, key) for key in keys}
        side = predictor.metadata["closer_size"]
        decoding = detection.Decoding(sigma_cells=2.0, closer_size=side, **read)
        expected, features = detection.find_heads(predictor.outputs, images, SIZES, decoding)
        assert np.array_equal(quality, features, equal_nan=True)
        assert np.isfinite(quality[:, 1:4]).all() == (recipe.reading.decoder == "fused")
    assert np.array_equal(points, expected) and np.array_equal(points, canonical(points))


def test_landmarks_are_in_original_pixels_and_canonical_order(exported, monkeypatch):
    """Maps drawn by hand, of heads in a landscape, a portrait and a square image."""
    _, predictor, recipe, images = exported
    cells = SIZE // recipe.network.stride
    places = to_grid(whole_views(SIZES), HEADS, cells)
    maps = np.concatenate([heatmaps.encode(places, cells, 2.0), head_mask.encode(places, cells)[:, None]], axis=1)
    drawn = (places + 0.5) / cells if recipe.network.kind == "direct" else maps
    monkeypatch.setattr(predictor, "outputs", lambda images: drawn)
    monkeypatch.setitem(predictor.metadata, "closer_views", [])
    points, _ = predictor.locate(images, SIZES)
    off = np.abs(points - HEADS) / (SIZES.max(axis=1)[:, None, None] / cells)
    highest = recipe.reading.decoder == "argmax" and recipe.network.kind == "heatmap"
    assert np.array_equal(points, canonical(points))
    assert off.max() < (0.5 + 1e-6 if highest else 0.2)  # of a cell


def test_a_table_has_the_landmarks_and_the_contrast_without_margins(exported):
    _, predictor, _, images = exported
    images = images.copy()
    images[0] = np.linspace(0, 255, SIZE).astype(np.uint8)[None]  # columns
    images[0, :10], images[0, -10:] = 0, 0  # margins: 540 of 800 pixels are 43 of 64 rows
    table = locate_all(predictor, ["a", "b", "c"], iter(images), SIZES)
    seen = ["contrast", "straight_edge", *SECOND_HEAD, SPAN, SURROUNDINGS]
    assert list(table) == ["image_name", *COLUMNS, *detection.QUALITY, *seen]
    points, _ = predictor.locate(images, SIZES)
    assert table[list(COLUMNS)].to_numpy() == pytest.approx(points.reshape(3, 8), abs=1e-6)
    assert table["contrast"][0] == contrast(images[0, 10:-10]) and table["contrast"][2] == contrast(images[2])
    assert len(locate_all(predictor, [], iter(()), np.zeros((0, 2)))) == 0


def test_metadata_says_how_to_read_the_output(exported):
    _, predictor, recipe, _ = exported
    metadata = predictor.metadata
    assert predictor.prepared_size == SIZE
    assert (metadata["kind"], metadata["loss"]) == (recipe.network.kind, recipe.training.loss)
    assert {key: metadata[key] for key in ("decoder", "test_time_augmentation", "closer_views", "arithmetic")} == {
        key: getattr(recipe.reading, key) for key in ("decoder", "test_time_augmentation", "closer_views", "arithmetic")
    }
    assert metadata["sigma_cells"] == 2 and metadata["data_digest"] == "abc" and metadata["seen"] == ["a", "b"]
    assert predictor.calibration == {}


def test_a_packaged_network_carries_its_calibration(tmp_path):
    recipe, path = tiny(FUSED), tmp_path / "model.onnx"
    export(untrained(recipe), recipe.reading, tmp_path / "network.onnx")
    package(tmp_path / "network.onnx", {"level": 0.9}, path)
    network, model = Predictor(tmp_path / "network.onnx"), Predictor(path)
    assert model.calibration == {"level": 0.9}
    assert model.metadata == network.metadata | {"calibration": {"level": 0.9}}
    assert model.prepared_size == SIZE
    images = np.zeros((1, SIZE, SIZE), np.uint8)
    assert np.array_equal(model.outputs(images), network.outputs(images))


def test_eight_bit_integers_draw_nearly_the_same_maps(tmp_path):
    recipe = tiny(FUSED, {"network": {"width": 16}, "reading": {"arithmetic": "int8"}})
    path = tmp_path / "model.onnx"
    export(untrained(recipe), recipe.reading, path)
    images = torch.randint(0, 256, (3, SIZE, SIZE), dtype=torch.uint8, generator=torch.manual_seed(5)).numpy()
    exact, size = Predictor(path), path.stat().st_size
    maps, (before, _) = exact.outputs(images), exact.locate(images, SIZES)
    change = quantise(path, images, SIZES)
    rough = Predictor(path)
    assert rough.metadata == exact.metadata and path.stat().st_size < size
    assert 0 < np.abs(rough.outputs(images) - maps).max() < 0.1 * maps.max()
    shares = all_lengths(rough.locate(images, SIZES)[0]) / np.maximum(all_lengths(before), 1e-9)
    assert change == pytest.approx(np.median(np.abs(shares - 1)))


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


@pytest.mark.parametrize(
    "change",
    [
        {"test_time_augmentation": None},
        {"image_size": "64"},
        {"calibration": {"presence": {"weights": [0.1]}}},
        "no settings",
    ],
)
def test_a_model_of_another_version_is_refused(tmp_path, change):
    recipe, path = tiny(FUSED), tmp_path / "model.onnx"
    model = untrained(recipe)
    export(model, recipe.reading, path)
    metadata = change if isinstance(change, str) else describe(model, recipe.reading) | change
    save_model(onnx.load(path), metadata, path)
    assert METADATA in {prop.key for prop in onnx.load(path).metadata_props}
    with pytest.raises(InputError, match=r"model\.onnx: a model of another version of this workflow; train it again"):
        Predictor(path)
