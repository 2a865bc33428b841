"""Export the best weights to ONNX, with all that reading its output takes, and check that both agree."""

import json
import logging

import numpy as np
import onnx
import torch

from fetal_biometry import job
from fetal_biometry.exported import METADATA
from fetal_biometry.inference import Predictor
from fetal_biometry.networks import build_network
from fetal_biometry.training import drawn_maps

TOLERANCE = 2e-4  # of the largest output, plus 1e-6: summation in another order, nothing more


class Exported(torch.nn.Module):
    """The network as it is used: grey values in, non-negative heatmaps or coordinates out."""

    def __init__(self, network, settings):
        super().__init__()
        self.network, self.settings = network, settings

    def forward(self, images):
        outputs = self.network(images)
        return outputs if self.settings["kind"] == "direct" else drawn_maps(outputs, self.settings["loss"])


def describe(model: dict) -> dict:
    """The metadata that goes with the weights."""
    settings = model["settings"]
    reading = ("image_size", "cache_size", "decoder", "reflections", "closeup", "zooms")
    keys = ("kind", "experiment", *reading, "loss", "seed")
    return {
        **{key: settings[key] for key in keys},
        "sigma_cells": settings["sigma_px"] / settings["stride"],
        "epochs": settings["epochs"],
        **{key: model[key] for key in ("stretch", "epoch", "parameters", "seconds", "data_digest")},
    }


def export(module: Exported, example: torch.Tensor, metadata: dict, path) -> float:
    """Write an ONNX file and compare it with the module on the example.

    Returns the largest difference; a RuntimeError where it is more than another order of summation explains.
    """
    torch.onnx.export(
        module, (example,), path, dynamo=False, opset_version=17,
        input_names=["images"], output_names=["found"], dynamic_axes={"images": {0: "n"}, "found": {0: "n"}},
    )  # fmt: skip
    graph = onnx.load(path)
    onnx.helper.set_model_props(graph, {METADATA: json.dumps(metadata)})
    onnx.save(graph, path)
    with torch.no_grad():
        expected = module(example).numpy()
    difference = np.abs(Predictor(path).outputs(example[:, 0].numpy()) - expected).max()
    if not difference < TOLERANCE * np.abs(expected).max() + 1e-6:
        raise RuntimeError(f"ONNX Runtime and PyTorch differ by {difference:.2g}")
    return float(difference)


if __name__ == "__main__":
    with job.start(snakemake):
        torch.set_num_threads(snakemake.threads)
        model = torch.load(snakemake.input.model, weights_only=True, map_location="cpu")
        network = build_network(model["architecture"])
        network.load_state_dict(model["state"])
        size = model["settings"]["image_size"]
        example = torch.randint(0, 256, (2, 1, size, size), dtype=torch.uint8, generator=torch.manual_seed(0))
        with job.atomic_path(snakemake.output.network) as temporary:
            difference = export(Exported(network, model["settings"]).eval(), example, describe(model), temporary)
        logging.info("ONNX Runtime and PyTorch agree within %.2g", difference)
