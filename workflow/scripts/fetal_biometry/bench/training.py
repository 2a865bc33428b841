"""Time an epoch: of recipes in the workflow's own trainer, and of a plain loop over the baseline."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from fetal_biometry.bench.plain import PlainLoop
from fetal_biometry.bench.roofline import Recorder, copying, product, roofline
from fetal_biometry.bench.settings import BenchSettings
from fetal_biometry.bench.timing import interleave, spread
from fetal_biometry.data.phantom import plan_phantoms, true_landmarks
from fetal_biometry.data.phantom_files import write_phantom
from fetal_biometry.images.cache import Arrays
from fetal_biometry.images.image_ref import ImageRef
from fetal_biometry.images.raster import prepare_images
from fetal_biometry.model.samples import Samples
from fetal_biometry.model.targets import render_targets
from fetal_biometry.model.training import Trainer
from fetal_biometry.processor import usable_cores
from fetal_biometry.recipe import Recipe, TrainingRecipe


def time_training(baseline: Recipe, default: Recipe, image_size: int, settings: BenchSettings) -> dict:
    """Epochs of both recipes beside the plain loop's, and what the processor allows."""
    torch.set_num_threads(usable_cores())
    with tempfile.TemporaryDirectory() as name:
        drawn = draw_samples(Path(name), settings.images)
        trainers = [make_trainer(Path(name), recipe, image_size, *drawn) for recipe in (baseline, default)]
        contenders = dict(zip(("baseline", "default"), map(epoch, trainers), strict=True))
        precision = trainers[1].precision
        products = {kind: product(kind) for kind in {torch.float32, precision}}
        contenders |= {"plain": PlainLoop(baseline, image_size, *drawn), "copy": copying()}
        seconds = interleave(contenders | products, settings.rounds)
        with Recorder() as recorder:
            trainers[1].run_epoch(1)
    rates = {kind: float(np.median(seconds[kind])) for kind in products}
    best = roofline(recorder.operations, rates, float(np.median(seconds["copy"]))) / settings.images
    return {
        "precision": str(precision).removeprefix("torch."),
        "plain_epoch_s_an_image": spread(seconds["plain"]),
        "epoch_ms_an_image": spread(1000 * seconds["default"]),
        "epoch_times_faster": spread(seconds["plain"] / seconds["default"]),
        "baseline_times_faster": spread(seconds["plain"] / seconds["baseline"]),
        "product_gflops": spread(1e-9 / seconds[precision]),
        "copy_gb_s": spread(1e-9 / seconds["copy"]),
        "best_epoch_ms_an_image": 1000 * best,
        "roofline_percent": spread(100 * best / seconds["default"]),
    }


def epoch(trainer: Trainer) -> Callable[[], int]:
    """A contender: an epoch in the workflow's own trainer."""

    def work() -> int:
        trainer.run_epoch(1)
        return len(trainer.training)

    return work


def draw_samples(folder: Path, images: int) -> tuple[list[Path], np.ndarray, np.ndarray]:
    """Draw phantoms into a folder: their paths, landmarks (N, 4, 2) and sizes (N, 2)."""
    phantoms = plan_phantoms(images, seed=1)
    paths = [write_phantom(phantom, folder) for phantom in phantoms]
    return paths, true_landmarks(phantoms), np.array([(one.width_px, one.height_px) for one in phantoms])


def make_trainer(
    folder: Path, recipe: Recipe, image_size: int, paths: list[Path], points: np.ndarray, sizes: np.ndarray
) -> Trainer:
    """A recipe's trainer of images prepared in a folder, as the workflow does it, and without validation images."""
    names = [path.name for path in paths]
    images = [image.pixels for image in prepare_images(map(ImageRef, paths), image_size)]
    targets = render_targets(points, sizes, recipe.network, recipe.training, image_size)
    arrays = []
    for values in (images, targets):
        path = Path(tempfile.mkdtemp(dir=folder)) / "values.npy"
        np.save(path, values)
        path.with_suffix(".csv").write_text("\n".join(["image_name", *names]) + "\n", encoding="utf-8")
        arrays.append(Arrays([path]))
    samples = Samples(names, points, sizes, *arrays)
    training_part = TrainingRecipe.model_validate(recipe.training_part())
    return Trainer(training_part, samples, replace(samples, names=[]), "", "bench")
