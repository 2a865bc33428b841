"""A small network that tells a head from anything else round, by its surroundings; see `surroundings.unroll`."""

from __future__ import annotations

import base64
import io
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from fetal_biometry.model.surroundings import ANGLES, RADII

_WIDTH = 12  # channels of the first layer; the others have twice as many
_EPOCHS, _BATCH = 50, 64
_RATE, _DECAY = 4e-3, 0.02  # AdamW, one cycle
_DROPOUT = 0.4
_CERTAIN = 0.99  # what a head is to be called: some labels of planes are wrong
_FLOOR = 4.0  # grey levels, beside the spread of surroundings of one grey
_SCALE, _OVAL, _SHIFT = 0.06, 0.03, 0.05  # random ellipses, standard deviations; shares of the radius
_GAMMA, _NOISE = 0.25, 0.1


class PresenceNetwork(nn.Module):
    """Log odds of a head, (N,), of surroundings (N, 28, 48), uint8; angles have no beginning."""

    def __init__(self):
        super().__init__()
        widths = [1, _WIDTH, 2 * _WIDTH, 2 * _WIDTH]
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Conv2d(i, o, size), nn.BatchNorm2d(o), nn.ReLU())
            for i, o, size in zip(widths[:-1], widths[1:], (5, 3, 3), strict=True)
        )
        self.last = nn.Sequential(nn.Dropout(_DROPOUT), nn.Linear(2 * 3 * widths[-1], 1))

    def forward(self, surroundings: torch.Tensor) -> torch.Tensor:
        """As `judge`, of grey levels as they are: the mean of both mirror images."""
        levels = standardise(surroundings.float())
        return (self.judge(levels) + self.judge(levels.flip(2))) / 2

    def judge(self, features: torch.Tensor) -> torch.Tensor:
        """Of standardised levels (N, 28, 48)."""
        features = features[:, None]
        for number, layer in enumerate(self.layers):
            features = layer(_pad(features, 1 if number else 2))
            if number < 2:
                features = functional.max_pool2d(features, 2)
        brain, skull, outside = features[:, :, :3], features[:, :, 2:5], features[:, :, 4:]
        rings = torch.stack([brain, skull, outside], dim=1)
        pooled = torch.cat([rings.mean(dim=(3, 4)), rings.amax(dim=(3, 4))], dim=1).flatten(1)
        return self.last(pooled)[:, 0]


def _pad(features: torch.Tensor, cells: int) -> torch.Tensor:
    """Angles go on beyond the last one, radii end."""
    around = torch.cat([features[..., -cells:], features, features[..., :cells]], dim=3)
    return functional.pad(around, (0, 0, cells, cells))


def standardise(levels: torch.Tensor) -> torch.Tensor:
    """Each head's levels with a mean of 0 and a spread of 1."""
    centred = levels - levels.mean(dim=(1, 2), keepdim=True)
    return centred / (centred.square().mean(dim=(1, 2), keepdim=True).sqrt() + _FLOOR)


def vary(levels: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Standardised levels of heads whose ellipse lies a little elsewhere, turned, mirrored, lighter or darker."""
    count, radii, angles = levels.shape

    def normal() -> torch.Tensor:
        return torch.randn((count, 1, 1), generator=rng)

    def likely() -> torch.Tensor:
        return torch.rand((count, 1, 1), generator=rng)

    levels = 255 * (levels / 255) ** torch.exp(_GAMMA * normal())
    angle = torch.arange(angles) * (2 * math.pi / angles)
    scale = 1 + _SCALE * normal() + _OVAL * normal() * torch.cos(2 * angle)
    shift = _SHIFT * (normal() * torch.cos(angle) + normal() * torch.sin(angle)) / RADII[-1]
    radius = torch.linspace(0, 1, radii)[:, None] * scale + shift
    turn = torch.where(likely() < 0.5, likely() * angles, (likely() < 0.5) * (angles / 2))
    mirror = torch.where(likely() < 0.5, 1.0, -1.0)
    cell = (mirror * torch.arange(angles) + turn + torch.where(radius < 0, angles / 2, 0.0)) % angles
    places = torch.stack([cell / angles * 2 - 1, radius.abs().clamp(max=1) * 2 - 1], dim=3)
    closed = torch.cat([levels, levels[..., :1]], dim=2)[:, None]
    moved = functional.grid_sample(closed, places, padding_mode="border", align_corners=True)[:, 0]
    return standardise(moved) + _NOISE * torch.randn(moved.shape, generator=rng)


def train(unrolled: np.ndarray, is_head: np.ndarray, importance: np.ndarray, seed: int) -> PresenceNetwork:
    """A network of surroundings (N, 28, 48), drawn as often as their ``importance`` (N,) says."""
    torch.manual_seed(seed)
    rng, network = torch.Generator().manual_seed(seed), PresenceNetwork().train()
    levels = torch.from_numpy(unrolled).float()
    wanted = torch.from_numpy(np.where(is_head, _CERTAIN, 1 - _CERTAIN)).float()
    often, steps = torch.from_numpy(importance), _EPOCHS * math.ceil(len(levels) / _BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), _RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps)
    for _ in range(steps):
        batch = torch.multinomial(often, _BATCH, replacement=True, generator=rng)
        loss = functional.binary_cross_entropy_with_logits(network.judge(vary(levels[batch], rng)), wanted[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def as_text(network: nn.Module) -> str:
    """The network as an ONNX file in a text, from ``surroundings`` (N, 28, 48), uint8, to ``odds`` (N,)."""
    file, example = io.BytesIO(), torch.zeros((2, len(RADII), len(ANGLES)), dtype=torch.uint8)
    torch.onnx.export(
        network, (example,), file, dynamo=False, opset_version=17, do_constant_folding=False,
        input_names=["surroundings"], output_names=["odds"],
        dynamic_axes={"surroundings": {0: "n"}, "odds": {0: "n"}},
    )  # fmt: skip
    return base64.b64encode(file.getvalue()).decode()
