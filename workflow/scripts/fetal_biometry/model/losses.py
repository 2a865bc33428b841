"""The losses, and what turns a network's outputs into maps."""

from __future__ import annotations

import torch
from torch.nn import functional

from fetal_biometry.recipe import Network, Training


def training_loss(outputs: torch.Tensor, targets: torch.Tensor, network: Network, training: Training) -> torch.Tensor:
    """Loss of each image, (N,), between outputs and targets of one shape, see `targets.render_targets`."""
    if network.kind == "direct":
        return (outputs - targets).square().mean(dim=(1, 2))
    losses = heatmap_loss(outputs[:, :4], targets[:, :4], training.loss)
    if network.head_mask:
        losses = losses + training.mask_weight * mask_loss(outputs[:, 4], targets[:, 4])
    return losses


def heatmap_loss(logits: torch.Tensor, targets: torch.Tensor, loss: str) -> torch.Tensor:
    """Loss of each image, (N,), between (N, 4, H, W) logits and Gaussian targets.

    ``mse`` compares the sigmoid of the logits with the targets (the baseline's). ``cross_entropy`` takes
    both as distributions over the cells of a channel, so drawing nothing is no cheap answer.
    """
    if loss == "mse":
        return (torch.sigmoid(logits) - targets).square().mean(dim=(1, 2, 3))
    mass = targets.flatten(2)
    mass = mass / mass.sum(dim=2, keepdim=True).clamp_min(1e-12)
    return -(mass * functional.log_softmax(logits.flatten(2), dim=2)).sum(dim=2).mean(dim=1)


def mask_loss(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Mean binary cross entropy of each image's head mask, (N,), between (N, H, W) logits and shares of cells."""
    return functional.binary_cross_entropy_with_logits(logits, masks, reduction="none").mean(dim=(1, 2))


def drawn_maps(logits: torch.Tensor, loss: str) -> torch.Tensor:
    """What `detection.locate` reads: non-negative heatmaps, and the head mask where there is a fifth channel."""
    if loss == "mse":
        return torch.sigmoid(logits)
    heatmaps = functional.softmax(logits[:, :4].flatten(2), dim=2).reshape(logits[:, :4].shape)
    return torch.cat([heatmaps, torch.sigmoid(logits[:, 4:])], dim=1)
