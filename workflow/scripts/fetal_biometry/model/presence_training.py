"""Fitting the head-presence classifier of a trained network."""

from __future__ import annotations

import logging

import numpy as np
import torch

from fetal_biometry.model.head_presence import fit_classifier
from fetal_biometry.model.samples import Samples
from fetal_biometry.model.views import show_beside

_IMAGES = 1000  # heads at most
_BATCH = 64


@torch.no_grad()
def with_classifier(state: dict, network: torch.nn.Module, samples: Samples, negatives: np.ndarray) -> dict:
    """These weights, with a classifier of training heads against negatives and against what lies beside heads.

    Parameters
    ----------
    state : dict
        Weights of ``network``.
    negatives : ndarray of shape (M, S, S), uint8
        Images without a head.
    """
    network.eval()
    size, groups = samples.images.shape[-1], [[], [], [_features(network, negatives)]]
    trains = np.flatnonzero(samples.weights)
    some = trains[:: -(-len(trains) // _IMAGES)]
    for batch in np.array_split(some, -(-len(some) // _BATCH)):
        images = samples.gather(batch)
        groups[0].append(_features(network, images))
        beside, _, _ = show_beside(images, samples.sizes[batch], samples.points[batch], size)
        if len(beside):
            groups[1].append(_features(network, beside))
    heads, *others = (torch.cat(group) for group in groups if group)
    with torch.enable_grad():
        weight, bias = fit_classifier(heads, others)
    odds = [[float((group @ weight + bias).quantile(q)) for q in (0.02, 0.98)] for group in (heads, *others)]
    logging.info("odds of a head, of 2 and 98 %% of heads, strips beside them, negatives: %s", np.round(odds, 1))
    return {**state, "presence_weight": weight, "presence_bias": bias}


def _features(network, images: np.ndarray) -> torch.Tensor:
    """What the classifier reads of (N, S, S) images and of their flips, (4N, F)."""
    flipped = np.concatenate([np.flip(images, axes) for axes in ((), -1, -2, (-1, -2))])
    device = next(network.parameters()).device
    seen = torch.from_numpy(np.ascontiguousarray(flipped[:, None]))
    return torch.cat([network.overview(part.to(device)) for part in seen.split(_BATCH)]).cpu()
