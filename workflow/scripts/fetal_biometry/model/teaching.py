"""Noisy labels replaced by the points of the network that trains on them (``noisy_labels.policy: teach``)."""

from __future__ import annotations

import logging

import numpy as np

from fetal_biometry.data.audit import sure_heads
from fetal_biometry.limits import AuditLimits
from fetal_biometry.model.detection import CONFIDENCE, Decoding, Draw, average_flips, locate
from fetal_biometry.model.samples import Samples
from fetal_biometry.model.targets import render_targets
from fetal_biometry.model.views import whole_views
from fetal_biometry.recipe import TrainingRecipe

_EVERY = 3  # epochs; the averaged network changes little from one to the next


class Teacher:
    """Keeps the points of the images whose labels are open, and the targets that follow from them.

    Attributes
    ----------
    targets : dict
        Targets that differ from the rendered ones, by the image's number.
    decoding : Decoding
        How the network in training is read.
    """

    def __init__(self, recipe: TrainingRecipe, samples: Samples, limits: AuditLimits | None):
        self.recipe, self.samples, self.limits = recipe, samples, limits
        self.open_labels = np.flatnonzero(samples.taught)
        self.targets: dict[int, np.ndarray] = {}
        network = recipe.network
        decoder = "fused" if network.head_mask else "paired" if recipe.training.loss == "cross_entropy" else "argmax"
        self.decoding = Decoding(decoder, recipe.training.sigma_px / network.stride)

    def teach(self, epoch: int, draw: Draw) -> None:
        """Let the averaged network's own points take the open labels' place, where it is sure.

        It has to find one head from all four flips of the image: their maps are averaged, so heads found in different
        places leave low peaks, and only a confident head within the audit's limits trains.
        """
        settings, samples = self.recipe.noisy_labels, self.samples
        begun = epoch > settings.teach_from * self.recipe.training.epochs
        if not len(self.open_labels) or not begun or epoch % _EVERY:
            return
        size, points, confidence = self.recipe.training.batch_size, [], []
        for batch in np.split(self.open_labels, range(size, len(self.open_labels), size)):
            maps = average_flips(draw, samples.gather(batch))
            found, quality = locate(maps, whole_views(samples.sizes[batch]), self.decoding)
            points.append(found)
            confidence.append(quality[:, CONFIDENCE])
        samples.points[self.open_labels] = np.concatenate(points)
        samples.weights[self.open_labels] = sure_heads(
            samples.points[self.open_labels], np.concatenate(confidence), samples.sizes[self.open_labels],
            settings.teach_confidence, self.limits,
        )  # fmt: skip
        self.redraw()
        logging.info("%d of %d open labels train", samples.weights[self.open_labels].sum(), len(self.open_labels))

    def redraw(self) -> None:
        """Targets of the open labels' points as they are now."""
        samples, recipe = self.samples, self.recipe
        changed = self.open_labels[samples.weights[self.open_labels] > 0]
        if not len(changed):
            self.targets = {}
            return
        points, sizes = samples.points[changed], samples.sizes[changed]
        drawn = render_targets(points, sizes, recipe.network, recipe.training, samples.images.shape[-1])
        self.targets = dict(zip(changed.tolist(), drawn, strict=True))
