"""The baseline as a plain program: what the workflow's training and measuring are compared with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from fetal_biometry.measure.biometry import outer_lengths
from fetal_biometry.model import heatmaps
from fetal_biometry.model.geometry import fit_square
from fetal_biometry.model.landmarks import canonical
from fetal_biometry.model.networks import build_network, describe_architecture
from fetal_biometry.model.views import to_grid, to_original, whole_views
from fetal_biometry.recipe import Recipe
from fetal_biometry.terms import Calliper


class PlainLoop:
    """A plain training loop in float32: it decodes and resizes every image and draws every heatmap in every epoch."""

    def __init__(self, recipe: Recipe, image_size: int, paths: list[Path], points: np.ndarray, sizes: np.ndarray):
        self.training, self.size = recipe.training, image_size
        self.paths, self.points, self.sizes = paths, points, sizes
        self.network = build_network(describe_architecture(recipe.network, image_size)).train()
        self.optimizer = torch.optim.Adam(self.network.parameters(), recipe.training.learning_rate)

    def __call__(self) -> int:
        self.run_epoch()
        return len(self.paths)

    def run_epoch(self) -> list[float]:
        """The loss of each batch, in the order of the images."""
        size, batch, losses = self.size, self.training.batch_size, []
        y, x = np.mgrid[:size, :size]
        for start in range(0, len(self.paths), batch):
            rows = range(start, min(start + batch, len(self.paths)))
            images = [fit_square(_read(self.paths[row]), size) for row in rows]
            targets = [
                [np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * self.training.sigma_px**2)) for px, py in four]
                for four in to_grid(whole_views(self.sizes[rows]), self.points[rows], size)
            ]
            found = torch.sigmoid(self.network(torch.from_numpy(np.stack(images)[:, None])))
            loss = (found - torch.from_numpy(np.array(targets, dtype=np.float32))).square().mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            losses.append(loss.item())
        return losses


def plain_tester(recipe: Recipe, image_size: int, paths: list[Path], pixel_size: np.ndarray) -> Callable[[], int]:
    """A contender: one image after the other to mm, in float32 PyTorch, by the brightest cell of each heatmap."""
    network = build_network(describe_architecture(recipe.network, image_size)).eval()

    @torch.no_grad()
    def work() -> int:
        for path, millimetres in zip(paths, pixel_size, strict=True):
            image = _read(path)
            seen = torch.from_numpy(fit_square(image, image_size))[None, None]
            cells, _ = heatmaps.decode(torch.sigmoid(network(seen)).numpy(), "argmax", recipe.training.sigma_px)
            points = canonical(to_original(whole_views(np.array([image.shape[::-1]])), cells, image_size))
            outer_lengths(points, np.array([millimetres]), Calliper.OUTER_TO_OUTER)
        return len(paths)

    return work


def _read(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
