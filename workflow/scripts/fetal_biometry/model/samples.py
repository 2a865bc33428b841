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
    pixels; ``weights`` (N,) in the loss, 0 for an image that does not train; ``taught`` (N,) whether the network's own
    points take the label's place while it trains; ``sizes`` (N, 2) original width and height.
    """

    names: list[str]
    points: np.ndarray
    weights: np.ndarray
    taught: np.ndarray
    sizes: np.ndarray
    images: Arrays
    targets: Arrays

    def __len__(self) -> int:
        return len(self.names)

    def gather(self, batch: np.ndarray) -> np.ndarray:
        """The prepared images of a batch, (B, S, S)."""
        return self.images.gather([self.names[i] for i in batch])

    def load(
        self, batch: np.ndarray, redrawn: dict[int, np.ndarray], augmentation: Augmentation | None = None, rng=None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (B, 1, S, S) and targets of a batch; with ``rng``, of random views.

        ``redrawn`` holds the targets of images whose points changed since they were rendered, by number.
        """
        images = self.gather(batch)
        targets = [redrawn[i] if i in redrawn else self.targets[self.names[i]] for i in batch]
        if augmentation is not None and rng is not None:
            places = to_grid(whole_views(self.sizes[batch]), self.points[batch], images.shape[1])
            views = [augment(*one, augmentation, rng) for one in zip(images, places, targets, strict=True)]
            images, targets = (np.stack(part) for part in zip(*views, strict=True))
        shown = torch.from_numpy(np.ascontiguousarray(images[:, None]))
        return shown, torch.from_numpy(np.asarray(targets, dtype=np.float32))
