"""Time an epoch: of recipes in the workflow's own trainer, and of a plain loop over the baseline."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from fetal_biometry.bench.plain import PlainLoop
from fetal_biometry.bench.roofline import Operation, Recorder, copying, product, roofline
from fetal_biometry.bench.settings import BenchSettings
from fetal_biometry.bench.timing import interleave, spread, times_faster
from fetal_biometry.data.phantom import plan_phantoms, true_landmarks
from fetal_biometry.data.phantom_files import write_phantom
from fetal_biometry.images.cache import Arrays, write_array
from fetal_biometry.images.image_ref import ImageRef
from fetal_biometry.images.raster import prepare_images
from fetal_biometry.model.samples import Samples
from fetal_biometry.model.targets import render_targets
from fetal_biometry.model.training import Trainer, choose_device, choose_precision
from fetal_biometry.processor import usable_cores
from fetal_biometry.recipe import Recipe, TrainingRecipe

BASELINE, DEFAULT = "baseline", "heatmap"


class Epoch:
    """An epoch of a recipe in the workflow's own trainer."""

    def __init__(self, recipe: Recipe, image_size: int, samples: Samples):
        self.trainer = make_trainer(recipe, image_size, samples)

    def __call__(self) -> int:
        self.trainer.run_epoch(1)
        return len(self.trainer.training)

    def draw_views(self) -> int:
        """Load the images and targets of an epoch, and nothing else."""
        samples, recipe, rng = self.trainer.training, self.trainer.recipe, np.random.default_rng(1)
        for batch in np.array_split(np.arange(len(samples)), -(-len(samples) // recipe.training.batch_size)):
            samples.load(batch, {}, recipe.augmentation, rng)
        return len(samples)

    def operations(self) -> list[Operation]:
        """What torch does in an epoch."""
        with Recorder() as recorder:
            self.trainer.run_epoch(1)
        return recorder.operations


def make_trainer(recipe: Recipe, image_size: int, samples: Samples) -> Trainer:
    """A trainer without validation images, whose epochs leave no file."""
    training_part = TrainingRecipe.model_validate(recipe.training_part())
    return Trainer(training_part, image_size, samples, replace(samples, names=[]), "", "bench")


def draw_samples(folder: Path, images: int) -> tuple[list[Path], np.ndarray, np.ndarray]:
    """Draw phantoms into a folder: their paths, landmarks (N, 4, 2) and sizes (N, 2)."""
    phantoms = plan_phantoms(images, seed=1)
    paths = [write_phantom(phantom, folder) for phantom in phantoms]
    return paths, true_landmarks(phantoms), np.array([(one.width_px, one.height_px) for one in phantoms])


def make_samples(
    folder: Path, recipe: Recipe, image_size: int, paths: list[Path], points: np.ndarray, sizes: np.ndarray
) -> Samples:
    """Images and targets of a recipe in a folder, as the workflow prepares them."""
    folder.mkdir()
    names, count = [path.name for path in paths], len(paths)
    images = (image.pixels for image in prepare_images(map(ImageRef, paths), image_size))
    targets = render_targets(points, sizes, recipe.network, recipe.training, image_size)
    arrays = []
    for name, rows, shape, kind in (
        ("images", images, (image_size, image_size), np.uint8),
        ("targets", targets, targets.shape[1:], targets.dtype),
    ):
        write_array(folder / f"{name}.npy", rows, count, shape, kind)
        (folder / f"{name}.csv").write_text("\n".join(["image_name", *names]) + "\n", encoding="utf-8")
        arrays.append(Arrays([folder / f"{name}.npy"]))
    return Samples(names, points, sizes, *arrays)


def measure(recipes: dict[str, Recipe], image_size: int, settings: BenchSettings) -> dict:
    """Seconds per image of each contender, ratios within a round, and the share of the processor's rate.

    ``recipes`` by name, among them `BASELINE` and `DEFAULT`.
    """
    threads = usable_cores()
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as name:
        drawn = draw_samples(Path(name), settings.images)
        epochs = {
            recipe_name: Epoch(recipe, image_size, make_samples(Path(name) / recipe_name, recipe, image_size, *drawn))
            for recipe_name, recipe in recipes.items()
        }
        contenders = {"plain": PlainLoop(recipes[BASELINE], image_size, *drawn), **epochs}
        precision = choose_precision("auto", choose_device("cpu"))
        parts = {kind: product(kind) for kind in {torch.float32, precision}}
        others = {"copy": copying(), "views": epochs[DEFAULT].draw_views}
        seconds = interleave(contenders | parts | others, settings.rounds)
        operations = {recipe_name: epoch.operations() for recipe_name, epoch in epochs.items()}
    return {
        "images": settings.images,
        "rounds": settings.rounds,
        "threads": threads,
        "precision": _name(precision),
        "seconds_an_image": {name: spread(seconds[name]) for name in contenders},
        "times_faster_than_plain": {name: times_faster(seconds, "plain", name) for name in epochs},
        "share_of_views": spread(seconds["views"] / seconds[DEFAULT]),
        "product_gflops": {_name(kind): spread(1e-9 / seconds[kind]) for kind in parts},
        "copy_gigabytes_a_second": spread(1e-9 / seconds["copy"]),
        **_shares(seconds, operations, list(parts), precision, 1 / settings.images),
    }


def _shares(seconds: dict, operations: dict[str, list[Operation]], kinds: list, precision, image: float) -> dict:
    """What each recipe computes, and its rate as a share of what the processor can do; ``image`` is one's share."""
    medians = {name: float(np.median(values)) for name, values in seconds.items()}
    counts = {name: image * sum(one.count for one in done) for name, done in operations.items()}
    best = {
        name: roofline(done, {kind: medians[kind] for kind in kinds}, medians["copy"], image)
        for name, done in operations.items()
    }
    return {
        "gflop_an_image": {name: count / 1e9 for name, count in counts.items()},
        "share_of_product": {name: spread(counts[name] * medians[precision] / seconds[name]) for name in counts},
        "roofline_seconds_an_image": {name: asdict(times) for name, times in best.items()},
        "share_of_roofline": {name: spread(best[name].seconds / seconds[name]) for name in best},
    }


def _name(kind: torch.dtype) -> str:
    return str(kind).removeprefix("torch.")
