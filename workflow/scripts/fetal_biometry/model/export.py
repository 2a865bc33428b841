"""Export trained weights to ONNX, with all that reading their output takes, and check that both agree."""

from __future__ import annotations

import io
import itertools
import json
import logging
from pathlib import Path

import numpy as np
import onnx
import torch
from torch.nn.utils.fusion import fuse_conv_bn_eval

from fetal_biometry.job import atomic_path
from fetal_biometry.model.inference import Predictor
from fetal_biometry.model.losses import drawn_maps
from fetal_biometry.model.networks import build_network
from fetal_biometry.model.onnx_file import METADATA, open_model
from fetal_biometry.recipe import Reading, TrainingRecipe

_CLOSER = 0.8  # side of closer views over the image's, both in pixels
TOLERANCE = 2e-4  # of the largest output, plus 1e-6: summation in another order, nothing more


class _Exported(torch.nn.Module):
    """A network as it is used: grey values in, non-negative maps or coordinates out."""

    def __init__(self, network: torch.nn.Module, recipe: TrainingRecipe):
        super().__init__()
        self.network, self.recipe = network, recipe
        self.eval()

    def forward(self, images):
        outputs = self.network(images)
        return outputs if self.recipe.network.kind == "direct" else drawn_maps(outputs, self.recipe.training.loss)


def fused(model: dict) -> torch.nn.Module:
    """The trained network, with each batch normalisation taken into the convolution before it."""
    network = build_network(model["architecture"]).eval()
    network.load_state_dict(model["state"])
    for layers in [part for part in network.modules() if isinstance(part, torch.nn.Sequential)]:
        for place, (layer, norm) in enumerate(itertools.pairwise(list(layers))):
            if isinstance(norm, torch.nn.BatchNorm2d):
                layers[place], layers[place + 1] = fuse_conv_bn_eval(layer, norm), torch.nn.Identity()
    return network


def describe(model: dict, reading: Reading) -> dict:
    """The metadata that goes with the weights."""
    recipe = TrainingRecipe.model_validate(model["recipe"])
    return {
        **reading.model_dump(include={"decoder", "test_time_augmentation", "closer_views", "arithmetic"}),
        "kind": recipe.network.kind,
        "image_size": model["image_size"],
        "closer_size": closer_size(recipe, model["image_size"]),
        "loss": recipe.training.loss,
        "seed": recipe.training.seed,
        "epochs": recipe.training.epochs,
        "sigma_cells": recipe.training.sigma_px / recipe.network.stride,
        "seen": sorted(model.get("seen", [])),
        **{key: model[key] for key in ("epoch", "parameters", "seconds", "data_digest")},
    }


def closer_size(recipe: TrainingRecipe, image_size: int) -> int:
    """Pixels a side of closer views: about 0.8 of the image's, and a side that the network can take.

    HC18's heads measured out of fold in views of 256 pixels are as accurate as in those of 320, at two thirds of the
    work.
    """
    return max(1, round(_CLOSER * image_size / recipe.deepest)) * recipe.deepest


def export(model: dict, reading: Reading, path) -> None:
    """Write a model of `training.Trainer.models` as an ONNX file that `inference.Predictor` opens.

    Raises
    ------
    RuntimeError
        Where its output differs from PyTorch's by more than another order of summation explains.
    """
    size = model["image_size"]
    example = torch.randint(0, 256, (2, 1, size, size), dtype=torch.uint8, generator=torch.manual_seed(0))
    recipe, file = TrainingRecipe.model_validate(model["recipe"]), io.BytesIO()
    module = _Exported(fused(model), recipe)
    free = {0: "n"} | ({2: "height", 3: "width"} if recipe.network.kind == "heatmap" else {})
    torch.onnx.export(
        module, (example,), file, dynamo=False, opset_version=17,
        input_names=["images"], output_names=["found"], dynamic_axes={"images": free, "found": free},
    )  # fmt: skip
    save_model(onnx.load_from_string(file.getvalue()), describe(model, reading), path)
    with torch.no_grad():
        expected = module(example).numpy()
    difference = np.abs(Predictor(path).outputs(example[:, 0].numpy()) - expected).max()
    if not difference < TOLERANCE * np.abs(expected).max() + 1e-6:
        raise RuntimeError(f"ONNX Runtime and PyTorch differ by {difference:.2g}")
    logging.info("ONNX Runtime and PyTorch agree within %.2g", difference)


def save_model(network: onnx.ModelProto, metadata: dict, path) -> None:
    """Write a network with its metadata, whole or not at all."""
    onnx.helper.set_model_props(network, {METADATA: json.dumps(metadata)})
    onnx.checker.check_model(network)
    with atomic_path(path) as temporary:
        onnx.save(network, temporary)


def package(network: Path, calibration: dict, path) -> None:
    """Put what the intervals rest on into a network's file, so that one file measures new images."""
    metadata = open_model(network)[1] | {"calibration": calibration}
    save_model(onnx.load(network), metadata, path)
