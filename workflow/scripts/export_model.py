"""Export the weights kept to ONNX, with all that reading their output takes, and check that both agree."""

import io
import itertools
import logging
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import torch
from torch.nn.utils.fusion import fuse_conv_bn_eval

from fetal_biometry import job
from fetal_biometry.digests import digest
from fetal_biometry.errors import InputError
from fetal_biometry.frames import read_frame, sizes_of
from fetal_biometry.images.cache import Shards
from fetal_biometry.model.graphs import save_model
from fetal_biometry.model.inference import Predictor
from fetal_biometry.model.networks import build_networks
from fetal_biometry.model.quantise import quantise
from fetal_biometry.model.training import drawn_maps

QUANTISING = 32  # images by which 8-bit layers learn their ranges
QUANTISED = 0.02  # change of a length by 8-bit integers, the median, beyond which the network is not for them
TOLERANCE = 2e-4  # of the largest output, plus 1e-6: summation in another order, nothing more


class Exported(torch.nn.Module):
    """Networks of one look as they are used: grey values in, the mean of non-negative heatmaps or coordinates out.

    Batch normalisation is part of the convolutions.
    """

    def __init__(self, models: list[dict], look: int = 0):
        super().__init__()
        self.networks = torch.nn.ModuleList(fused(model)[look] for model in models)
        self.settings = models[0]["settings"]
        self.eval()

    def forward(self, images):
        return sum(self._draw(network(images)) for network in self.networks) / len(self.networks)

    def _draw(self, outputs):
        return outputs if self.settings["kind"] == "direct" else drawn_maps(outputs, self.settings["loss"])


def fused(model: dict) -> torch.nn.ModuleList:
    """The trained network of each look, with each batch normalisation taken into the convolution before it."""
    networks = build_networks(model["architecture"]).eval()
    networks.load_state_dict(model["state"])
    for layers in [part for part in networks.modules() if isinstance(part, torch.nn.Sequential)]:
        for place, (layer, norm) in enumerate(itertools.pairwise(list(layers))):
            if isinstance(norm, torch.nn.BatchNorm2d):
                layers[place], layers[place + 1] = fuse_conv_bn_eval(layer, norm), torch.nn.Identity()
    return networks


def describe(models: list[dict], settings: dict) -> dict:
    """The metadata that goes with the weights, used as the experiment's `settings` say."""
    reading = ("image_size", "cache_size", "decoder", "reflections", "closeup", "zooms", "second_opinion")
    keys = ("kind", "experiment", *reading, "arithmetic", "loss", "seed")
    return {
        **{key: settings[key] for key in keys},
        "sigma_cells": settings["sigma_px"] / settings["stride"],
        "stretch": np.mean([model["stretch"] for model in models], axis=0).tolist(),
        "epochs": settings["epochs"],
        "epoch": max(model["epoch"] for model in models),
        "networks": len(models),
        "seen": sorted({image for model in models for image in model.get("seen", [])}),
        **{key: sum(model[key] for model in models) for key in ("parameters", "seconds")},
        "data_digest": models[0]["data_digest"] if len(models) == 1 else digest([m["data_digest"] for m in models]),
    }


def export(models: list[dict], example: torch.Tensor, metadata: dict, path) -> list[onnx.ModelProto]:
    """Write what they draw on average as one ONNX file; the network of each look, as it is in there.

    A RuntimeError where it differs from PyTorch's by more than another order of summation explains.
    """
    modules = [Exported(models, look) for look in range(len(build_networks(models[0]["architecture"])))]
    networks = [_trace(module, example) for module in modules]
    save_model(networks, metadata, path)
    predictor, differences = Predictor(path), []
    for look, module in enumerate(modules):
        with torch.no_grad():
            expected = module(example).numpy()
        differences.append(np.abs(predictor.outputs(example[:, 0].numpy(), look) - expected).max())
        if not differences[-1] < TOLERANCE * np.abs(expected).max() + 1e-6:
            raise RuntimeError(f"ONNX Runtime and PyTorch differ by {differences[-1]:.2g}")
    logging.info("ONNX Runtime and PyTorch agree within %.2g", max(differences))
    return networks


def _trace(module: Exported, example: torch.Tensor) -> onnx.ModelProto:
    file = io.BytesIO()
    torch.onnx.export(
        module, (example,), file, dynamo=False, opset_version=17,
        input_names=["images"], output_names=["found"], dynamic_axes={"images": {0: "n"}, "found": {0: "n"}},
    )  # fmt: skip
    return onnx.load_from_string(file.getvalue())


def some_images(inputs) -> tuple[np.ndarray, np.ndarray]:
    """Cached training images, spread over all of them, and their original sizes."""
    split, shards = read_frame(inputs.split)["split"], Shards(inputs.images)
    names = split.index[split == "train"].sort_values()
    chosen = names[np.linspace(0, len(names) - 1, min(len(names), QUANTISING)).astype(int)]
    return shards.gather(chosen), sizes_of(pd.DataFrame([shards.index[name] for name in chosen]))


if __name__ == "__main__":
    with job.start(snakemake):
        torch.set_num_threads(snakemake.threads)
        models = [torch.load(path, weights_only=True, map_location="cpu") for path in snakemake.input.models]
        settings = snakemake.params.settings
        size = settings["image_size"]
        example = torch.randint(0, 256, (2, 1, size, size), dtype=torch.uint8, generator=torch.manual_seed(0))
        with job.atomic_path(snakemake.output.network) as temporary:
            networks = export(models, example, describe(models, settings), temporary)
            if settings["arithmetic"] == "int8":
                change = quantise(temporary, networks, *some_images(snakemake.input))
                logging.info("8-bit integers change a length by %.2g of it, the median", change)
                if change > QUANTISED:
                    raise InputError(
                        f"8-bit integers change lengths by {100 * change:.1f} %, the median over training images; set "
                        "arithmetic: float32."
                    )
        for checkpoint in snakemake.params.checkpoints:
            Path(checkpoint).unlink(missing_ok=True)
