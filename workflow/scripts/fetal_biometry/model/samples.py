"""Images with landmarks and rendered targets, and batches of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from fetal_biometry.images.cache import Arrays
from fetal_biometry.model.augmentation import augment
from fetal_biometry.model.views import to_grid, whole_views
from fetal_biometry.recipe import Augmentation


@dataclass
class Samples:
    """Images for training or validation.

    ``names`` of N images in ``images``, and in ``targets``, their rendered targets; ``points`` (N, 4, 2) in original
    pixels; ``sizes`` (N, 2) original width and height.
    """

    names: list[str]
    points: np.ndarray
    sizes: np.ndarray
    images: Arrays
    targets: Arrays

    def __len__(self) -> int:
        return len(self.names)

    def load(
        self, batch: np.ndarray, augmentation: Augmentation | None = None, rng=None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (B, 1, S, S) and targets of a batch; with ``augmentation``, of random views."""
        names = [self.names[i] for i in batch]
        images, targets = self.images.gather(names), self.targets.gather(names)
        if augmentation is not None:
            places = to_grid(whole_views(self.sizes[batch]), self.points[batch], images.shape[1])
            views = [augment(*one, augmentation, rng) for one in zip(images, places, targets, strict=True)]
            images, targets = (np.stack(part) for part in zip(*views, strict=True))
        shown = torch.from_numpy(np.ascontiguousarray(images[:, None]))
        return shown, torch.from_numpy(np.asarray(targets, dtype=np.float32))
