"""Time what the workflow itself costs: a plan, a run with nothing to do, one image more; by number of images."""

import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path

import torch

from draw_phantoms import write_phantom
from export_model import describe, export
from fetal_biometry import job
from fetal_biometry.data.phantom import plan_phantoms
from fetal_biometry.model.networks import build_networks, count_parameters
from fetal_biometry.model.training import describe_architecture
from fetal_biometry.report.timing import run_costs

PARTS = ("Snakefile", "config.yaml", "datasets", "envs", "profiles", "resources", "workflow")


def write_tiny_model(settings: dict, path: Path) -> None:
    """A model that costs next to nothing an image, so that what is timed is the workflow."""
    settings = {**settings, "width": 4, "reflections": "none", "closeup": None, "zooms": [1]}
    settings |= {"cache_size": settings["image_size"], "arithmetic": "float32"}
    networks = build_networks(describe_architecture(settings))
    model = {
        "architecture": describe_architecture(settings), "settings": settings, "state": networks.state_dict(),
        "stretch": (1.0, 1.0), "epoch": 0, "parameters": count_parameters(networks), "seconds": 0.0, "data_digest": "",
    }  # fmt: skip
    example = torch.zeros((2, 1, settings["image_size"], settings["image_size"]), dtype=torch.uint8)
    export([model], example, describe([model], settings), path)


def measure(root: Path, settings: dict, run_at: int, plan_at: list[int]) -> dict:
    """Seconds and MiB of plans by number of images, and of whole runs at one number."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in PARTS:
            (shutil.copytree if (root / part).is_dir() else shutil.copy2)(root / part, folder / part)
        write_tiny_model(settings, folder / "tiny.onnx")
        one = write_phantom(plan_phantoms(1, seed=1)[0], folder)
        images = folder / "images"
        images.mkdir()
        config = ["--config", "dataset=images", f"images={images}", "pixel_sizes=0.1", f"model={folder / 'tiny.onnx'}"]

        def call(*arguments: str) -> dict:
            return run_costs([sys.executable, "-m", "snakemake", *arguments, *config], folder / "log", cwd=folder)

        def grow(count: int) -> None:
            for number in range(len(os.listdir(images)), count):
                os.symlink(one, images / f"{number:06d}_HC.png")

        grow(run_at)
        costs = {"first_run": call("--cores", "all")}
        costs["nothing_to_do"] = call("--cores", "all")
        grow(run_at + 1)
        costs["one_image_more"] = call("--cores", "all")
        plans = {}
        for count in sorted(plan_at):
            grow(count)
            new = call("-n", "--quiet", "all")
            plans[str(count)] = {"first": new, "again": call("-n", "--quiet", "all")}
    return {"images": run_at, **costs, "plans": plans}


if __name__ == "__main__":
    with job.start(snakemake):
        params = snakemake.params
        result = measure(Path(params.root), params.settings, params.run_at, params.plan_at)
        job.write_json(result, snakemake.output.result)
        logging.info("nothing to do: %.1f s at %d images", result["nothing_to_do"]["seconds"], result["images"])
