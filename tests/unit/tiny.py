"""A recipe and images that are small enough to train within a test."""

from pathlib import Path

import numpy as np
import pandas as pd

from fetal_biometry.images.cache import Arrays, write_array
from fetal_biometry.model.geometry import ellipse_landmarks
from fetal_biometry.model.samples import Samples
from fetal_biometry.model.targets import render_targets, target_shape, target_type
from fetal_biometry.model.views import to_grid, whole_views
from fetal_biometry.recipe import Recipe, TrainingRecipe, merge, read_recipe

RECIPES = Path(__file__).parents[2] / "recipes"
SIZE, ORIGINAL = 64, (128, 96)  # of prepared images; of originals
PLAIN = {
    "network": {
        "width": 4, "depth": 3, "stem_stride": 1, "stride": 2, "head_mask": False,
    },
    "training": {
        "device": "cpu", "precision": "float32", "epochs": 3, "batch_size": 4, "learning_rate": 0.01,
        "weight_average": 0.9, "sigma_px": 4, "mask_weight": 0,
    },
    "augmentation": None,
    "reading": {"decoder": "paired", "test_time_augmentation": "none", "closer_views": [], "correct_bias": False},
}  # fmt: skip
FUSED = {"network": {"head_mask": True}, "training": {"mask_weight": 5}, "reading": {"decoder": "fused"}}
DIRECT = {
    "network": {"kind": "direct"},
    "training": {"loss": "mse", "learning_rate": 0.003, "schedule": "constant"},
    "reading": {"decoder": "argmax"},
}
VIEWS = {"augmentation": {
    "flip": 0.5, "rotation_deg": 10, "shrink": 0.1, "enlarge": 0.1, "shift": 0.05, "thin": 0.2, "thicken": 0.1,
    "gain": 0.1, "gamma": 0.1, "shadow": 0.1, "noise": 5,
}}  # fmt: skip


def tiny(*changes: dict) -> Recipe:
    """The default recipe, made small and plain, with changes."""
    values = PLAIN
    for change in changes:
        values = merge(values, change)
    return read_recipe("heatmap", [RECIPES], values)


def training_part(*changes: dict) -> TrainingRecipe:
    """Of `tiny`."""
    return TrainingRecipe.model_validate(tiny(*changes).training_part())


def draw_heads(count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks (N, 4, 2) in original pixels, and prepared images: large spots end the OFD, small ones the BPD."""
    rng = np.random.default_rng(seed)
    points = np.array(
        [
            ellipse_landmarks(rng.uniform([54, 42], [74, 54]), rng.uniform(26, 34), rng.uniform(18, 24), angle)
            for angle in rng.uniform(-0.5, 0.5, count)
        ]
    )
    y, x = np.indices((SIZE, SIZE))
    images = []
    for places in to_grid(whole_views(np.tile(ORIGINAL, (count, 1))), points, SIZE):
        spots = [
            np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * width**2))
            for (px, py), width in zip(places, (3.0, 3.0, 1.2, 1.2), strict=True)
        ]
        images.append((230 * np.max(spots, axis=0) + 10).astype(np.uint8))
    return points, np.stack(images)


def write_named(path: Path, names: list[str], arrays: np.ndarray, dtype) -> Arrays:
    """Arrays in a file, with a table that names them."""
    write_array(path, arrays, len(names), arrays.shape[1:], dtype)
    pd.DataFrame({"image_name": names}).to_csv(path.with_suffix(".csv"), index=False)
    return Arrays([path])


def make_samples(folder: Path, recipe: Recipe, count: int, seed: int = 1, sizes=ORIGINAL) -> Samples:
    """Drawn heads with the targets of a recipe; ``sizes`` of originals in the proportions of `ORIGINAL`."""
    points, images = draw_heads(count, seed)
    points = (points + 0.5) * (sizes[0] / ORIGINAL[0]) - 0.5
    names, sizes = [f"{seed}_{number:03d}.png" for number in range(count)], np.tile(sizes, (count, 1))
    targets = render_targets(points, sizes, recipe.network, recipe.training, SIZE)
    assert targets.shape[1:] == target_shape(recipe.network, SIZE)
    return Samples(
        names, points, sizes,
        write_named(folder / f"images_{seed}.npy", names, images, np.uint8),
        write_named(folder / f"targets_{seed}.npy", names, targets, target_type(recipe.network)),
    )  # fmt: skip
