"""Time the workflow itself: a plan, a run with nothing to do, and one image more, by number of images."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from fetal_biometry.bench.settings import BenchSettings
from fetal_biometry.bench.timing import run_costs
from fetal_biometry.bench.training import draw_samples, make_samples, make_trainer
from fetal_biometry.model.export import export
from fetal_biometry.recipe import Recipe, merge

TINY = {"network": {"width": 4}, "reading": {"test_time_augmentation": "none", "arithmetic": "float32"}}


def measure(root: Path, recipe: Recipe, image_size: int, settings: BenchSettings) -> dict:
    """Seconds and MiB of plans by number of images, and of whole runs at one number.

    ``root`` is the workflow's folder; it runs in another one.
    """
    with tempfile.TemporaryDirectory() as name:
        folder, root = Path(name), root.resolve()
        drawn = draw_samples(folder, 2)
        write_tiny_model(recipe, image_size, drawn, folder / "tiny", folder / "tiny.onnx")
        images = folder / "images"
        images.mkdir()
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(root / "Snakefile")]
        command += ["--workflow-profile", str(root / "profiles" / "default")]
        config = ["--config", f"images={images}", "pixel_sizes=0.1", f"model={folder / 'tiny.onnx'}"]

        def call(*arguments: str) -> dict[str, float]:
            return run_costs([*command, *arguments, *config], folder / "log", cwd=folder)

        def grow(count: int) -> None:
            for number in range(len(list(images.iterdir())), count):
                (images / f"{number:06d}_HC.png").symlink_to(drawn[0][0])

        grow(settings.run_at)
        costs = {"first_run": call("--cores", "all")}
        costs["nothing_to_do"] = call("--cores", "all")
        grow(settings.run_at + 1)
        costs["one_image_more"] = call("--cores", "all")
        plans = {}
        for count in sorted(settings.plan_at):
            grow(count)
            first = call("-n", "--quiet", "all")
            plans[str(count)] = {"first": first, "again": call("-n", "--quiet", "all")}
    return {"images": settings.run_at, **costs, "plans": plans}


def write_tiny_model(recipe: Recipe, image_size: int, drawn: tuple, folder: Path, path: Path) -> None:
    """Export an untrained network that is small, so that its own time hardly counts; ``drawn`` as of `draw_samples`."""
    tiny = Recipe.model_validate(merge(recipe.model_dump(), TINY))
    samples = make_samples(folder, tiny, image_size, *drawn)
    export(make_trainer(tiny, image_size, samples).models()["last"], tiny.reading, path)
