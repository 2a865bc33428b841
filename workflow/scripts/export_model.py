"""Export the weights kept to ONNX, with all that reading their output takes, and check that both agree."""

import json
import logging

import numpy as np
import onnx
import torch

from fetal_biometry import job
from fetal_biometry.digests import digest
from fetal_biometry.exported import METADATA
from fetal_biometry.inference import Predictor
from fetal_biometry.networks import build_network
from fetal_biometry.training import drawn_maps

TOLERANCE = 2e-4  # of the largest output, plus 1e-6: summation in another order, nothing more


class Exported(torch.nn.Module):
    """Networks as they are used: grey values in, the mean of non-negative heatmaps or of coordinates out."""

    def __init__(self, models: list[dict]):
        super().__init__()
        self.networks = torch.nn.ModuleList(build_network(model["architecture"]) for model in models)
        for network, model in zip(self.networks, models, strict=True):
            network.load_state_dict(model["state"])
        self.settings = models[0]["settings"]

    def forward(self, images):
        return sum(self._draw(network(images)) for network in self.networks) / len(self.networks)

    def _draw(self, outputs):
        return outputs if self.settings["kind"] == "direct" else drawn_maps(outputs, self.settings["loss"])


def describe(models: list[dict]) -> dict:
    """The metadata that goes with the weights."""
    settings = models[0]["settings"]
    reading = ("image_size", "cache_size", "decoder", "reflections", "closeup", "zooms")
    keys = ("kind", "experiment", *reading, "loss", "seed")
    return {
        **{key: settings[key] for key in keys},
        "sigma_cells": settings["sigma_px"] / settings["stride"],
        "stretch": np.mean([model["stretch"] for model in models], axis=0).tolist(),
        "epochs": settings["epochs"],
        "epoch": max(model["epoch"] for model in models),
        "networks": len(models),
        **{key: sum(model[key] for model in models) for key in ("parameters", "seconds")},
        "data_digest": models[0]["data_digest"] if len(models) == 1 else digest([m["data_digest"] for m in models]),
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
        models = [torch.load(path, weights_only=True, map_location="cpu") for path in snakemake.input.models]
        size = models[0]["settings"]["image_size"]
        example = torch.randint(0, 256, (2, 1, size, size), dtype=torch.uint8, generator=torch.manual_seed(0))
        with job.atomic_path(snakemake.output.network) as temporary:
            difference = export(Exported(models).eval(), example, describe(models), temporary)
        logging.info("ONNX Runtime and PyTorch agree within %.2g", difference)
