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
_EPOCHS, _BATCH = 100, 64
_RATE, _DECAY = 4e-3, 0.02  # AdamW, one cycle
_DROPOUT = 0.4
_CERTAIN = 0.99  # what a head is to be called: some labels of planes are wrong
_FLOOR = 4.0  # grey levels, beside the spread of surroundings of one grey
_SCALE, _OVAL, _SHIFT = 0.06, 0.03, 0.05  # random ellipses, standard deviations; shares of the radius
_GAMMA, _NOISE = 0.25, 0.1
_MARKED = 0.5  # share of heads and others that marks are drawn on
_FLAT = 1e-3  # standard deviation of a number that says nothing


class PresenceNetwork(nn.Module):
    """Log odds of a head, (N,), of surroundings (N, 28, 48), uint8, whose angles have no beginning, and numbers (N, K).

    Parameters
    ----------
    centre, spread : ndarray of shape (K,)
        Of the numbers in the training.
    """

    def __init__(self, centre: np.ndarray, spread: np.ndarray):
        super().__init__()
        self.register_buffer("centre", torch.from_numpy(centre).float())
        self.register_buffer("spread", torch.from_numpy(spread).float())
        widths = [1, _WIDTH, 2 * _WIDTH, 2 * _WIDTH]
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Conv2d(i, o, size), nn.MaxPool2d(pooled), nn.BatchNorm2d(o), nn.ReLU())
            for i, o, size, pooled in zip(widths[:-1], widths[1:], (5, 3, 3), (2, 2, 1), strict=True)
        )
        self.dropout, self.last = nn.Dropout(_DROPOUT), nn.Linear(2 * 3 * widths[-1] + len(centre), 1)

    def forward(self, surroundings: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        """As `judge`, of levels and numbers as they are: the mean of both mirror images."""
        levels, numbers = standardise(surroundings.float()), self.scale(numbers)
        return (self.judge(levels, numbers) + self.judge(levels.flip(2), numbers)) / 2

    def scale(self, numbers: torch.Tensor) -> torch.Tensor:
        """Standardised numbers; none counts for more than three standard deviations."""
        return ((numbers - self.centre) / self.spread).clamp(-3, 3)

    def judge(self, levels: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        """Of standardised levels (N, 28, 48) and numbers (N, K)."""
        features = levels[:, None]
        for number, layer in enumerate(self.layers):
            features = layer(_pad(features, 1 if number else 2))
        brain, skull, outside = features[:, :, :3], features[:, :, 2:5], features[:, :, 4:]
        rings = torch.stack([brain, skull, outside], dim=1)
        pooled = torch.cat([rings.mean(dim=(3, 4)), rings.amax(dim=(3, 4))], dim=1).flatten(1)
        return self.last(torch.cat([self.dropout(pooled), numbers], dim=1))[:, 0]


def _pad(features: torch.Tensor, cells: int) -> torch.Tensor:
    """Angles go on beyond the last one, radii end."""
    around = torch.cat([features[..., -cells:], features, features[..., :cells]], dim=3)
    return functional.pad(around, (0, 0, cells, cells))


def standardise(levels: torch.Tensor) -> torch.Tensor:
    """Each head's levels with a mean of 0 and a spread of 1."""
    centred = levels - levels.mean(dim=(1, 2), keepdim=True)
    return centred / (centred.square().mean(dim=(1, 2), keepdim=True).sqrt() + _FLOOR)


def vary(levels: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Standardised levels of heads whose ellipse lies a little elsewhere, turned, mirrored, lighter, darker, marked."""
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
    return standardise(mark(moved, rng)) + _NOISE * torch.randn(moved.shape, generator=rng)


def mark(levels: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Levels (N, 28, 48); on some an ellipse of dots near the outline, or callipers at the ends of both diameters.

    What people draw on heads they may draw on anything: it must not count.
    """
    count, _, angles = levels.shape

    def between(low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * torch.rand((count, *(shape or (1, 1))), generator=rng)

    angle = torch.arange(angles) * (2 * math.pi / angles)
    outline = between(0.92, 1.12) + between(0, 0.06) * torch.cos(angle - between(0, 2 * math.pi))
    away = (torch.from_numpy(RADII).float()[:, None] - outline).abs() / (RADII[1] - RADII[0])
    ends = (torch.arange(angles) + between(-1, 1).round()) % (angles / 4) == 0
    dotted = (between(0, 1) < 0.7) & (between(0, 1, 1, angles) < between(0.1, 1))
    drawn = (away < between(0.5, 1.2)) & (dotted | ends & (between(0, 1) < 0.5)) & (between(0, 1) < _MARKED)
    return torch.where(drawn, between(150, 255), levels)


def train(
    unrolled: np.ndarray, numbers: np.ndarray, is_head: np.ndarray, importance: np.ndarray, seed: int
) -> PresenceNetwork:
    """A network of surroundings (N, 28, 48) and numbers (N, K), drawn as often as their ``importance`` (N,) says."""
    torch.manual_seed(seed)
    centre = np.average(numbers, axis=0, weights=importance)
    spread = np.sqrt(np.average((numbers - centre) ** 2, axis=0, weights=importance)) + _FLAT
    rng, network = torch.Generator().manual_seed(seed), PresenceNetwork(centre, spread).train()
    network = network.to(memory_format=torch.channels_last)  # half the time
    levels, scaled = torch.from_numpy(unrolled).float(), network.scale(torch.from_numpy(numbers))
    wanted = torch.from_numpy(np.where(is_head, _CERTAIN, 1 - _CERTAIN)).float()
    often, steps = torch.from_numpy(importance), _EPOCHS * math.ceil(len(levels) / _BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), _RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps)
    for _ in range(steps):
        batch = torch.multinomial(often, _BATCH, replacement=True, generator=rng)
        near = scaled[batch] + _NOISE * torch.randn((_BATCH, scaled.shape[1]), generator=rng)
        found = network.judge(vary(levels[batch], rng), near)
        loss = functional.binary_cross_entropy_with_logits(found, wanted[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def as_text(network: PresenceNetwork) -> str:
    """The network as an ONNX file in a text, from ``surroundings`` (N, 28, 48), uint8, and ``numbers`` to ``odds``."""
    levels = torch.zeros((2, len(RADII), len(ANGLES)), dtype=torch.uint8)
    file, example = io.BytesIO(), (levels, torch.zeros((2, len(network.centre))))
    torch.onnx.export(
        network, example, file, dynamo=False, opset_version=17, do_constant_folding=False,
        input_names=["surroundings", "numbers"], output_names=["odds"],
        dynamic_axes={"surroundings": {0: "n"}, "numbers": {0: "n"}, "odds": {0: "n"}},
    )  # fmt: skip
    return base64.b64encode(file.getvalue()).decode()
