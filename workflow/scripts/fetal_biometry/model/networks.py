"""The networks: a U-Net that draws heatmaps and the baseline's first idea, a CNN that regresses coordinates.

Both take grey images as they lie in the cache, uint8 of shape (N, 1, S, S); scaling is part of the network,
so weights cannot be used with the wrong one.
"""

import itertools

import torch
from torch import nn
from torch.nn import functional

from fetal_biometry.recipe import Network


def _double_convolution(inputs: int, outputs: int, batch_norm: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers.append(nn.Conv2d(channels, outputs, 3, padding=1, bias=not batch_norm))
        if batch_norm:
            layers.append(nn.BatchNorm2d(outputs))
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


class _Scaled(nn.Module):
    """Brings uint8 grey values to the network's own scale."""

    def __init__(self, grey_scaling: str):
        super().__init__()
        self.grey_scaling = grey_scaling

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        images = images.float()
        if self.grey_scaling == "none":
            return images
        if self.grey_scaling == "unit":
            return images / 255
        mean = images.mean(dim=(2, 3), keepdim=True)
        spread = (images - mean).square().mean(dim=(2, 3), keepdim=True).sqrt()
        return (images - mean) / (spread + 1.0)


class _Up(nn.Module):
    """Doubles the resolution, joins the skip connection, convolves."""

    def __init__(self, inputs: int, skip: int, batch_norm: bool, transposed: bool):
        super().__init__()
        self.widen = nn.ConvTranspose2d(inputs, skip, 2, stride=2) if transposed else nn.Conv2d(inputs, skip, 1)
        self.transposed = transposed
        self.convolve = _double_convolution(2 * skip, skip, batch_norm)

    def forward(self, low: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        low = self.widen(low)
        if not self.transposed:
            low = functional.interpolate(low, scale_factor=2.0, mode="bilinear", align_corners=False)
        return self.convolve(torch.cat([skip, low], dim=1))


class UNet(nn.Module):
    """U-Net (Ronneberger et al., MICCAI 2015) that stops at the heatmaps' resolution.

    Parameters
    ----------
    width : int
        Channels at full resolution of the encoder; they double at each of the `depth` poolings, to at most
        eight times.
    depth : int
        Poolings. With the stem's stride they set the receptive field.
    stem_stride : {1, 2, 4}
        2 halves the image at once: a quarter of the work, since speckle holds little that a landmark needs. 4 is
        enough to find a head.
    stride : int
        Image pixels a heatmap cell: ``stem_stride * 2**k``, k from 0 to depth.
    batch_norm, transposed : bool
        Batch normalisation; transposed convolutions (else bilinear) on the way up.
    grey_scaling : {'unit', 'standardise', 'none'}
    head_mask : bool
        A fifth output channel, the probability that a cell belongs to the head.

    Notes
    -----
    ``forward`` maps (N, 1, S, S) to logits of shape (N, 4 or 5, S / stride, S / stride).
    """

    def __init__(self, width, depth, stem_stride, stride, batch_norm, transposed, grey_scaling, head_mask):
        super().__init__()
        channels = [width * min(2**level, 8) for level in range(depth + 1)]
        self.scale = _Scaled(grey_scaling)
        stem = (
            [] if stem_stride == 1 else [nn.Conv2d(1, width, 5, stride=stem_stride, padding=2), nn.ReLU(inplace=True)]
        )
        self.stem = nn.Sequential(*stem)
        ins = [1 if stem_stride == 1 else width, *channels[:-1]]
        self.down = nn.ModuleList(_double_convolution(i, o, batch_norm) for i, o in zip(ins, channels, strict=True))
        last = next(level for level in range(depth + 1) if stem_stride * 2**level == stride)
        self.up = nn.ModuleList(
            _Up(channels[level + 1], channels[level], batch_norm, transposed)
            for level in range(depth - 1, last - 1, -1)
        )
        self.head = nn.Conv2d(channels[last], 5 if head_mask else 4, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        *skips, features = self._encode(images)
        for block, skip in zip(self.up, reversed(skips), strict=False):
            features = block(features, skip)
        return self.head(features)

    def _encode(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Features of each level, the finest first."""
        levels = []
        for block in self.down:
            before = functional.max_pool2d(levels[-1], 2) if levels else self.stem(self.scale(images))
            levels.append(block(before))
        return levels


class DirectRegressor(nn.Module):
    """Convolutions, pooling and two dense layers that give the eight coordinates themselves.

    ``forward`` maps (N, 1, S, S) to (N, 4, 2), in fractions of the frame's width and height.
    """

    def __init__(self, width, depth, image_size, grey_scaling):
        super().__init__()
        channels = [1, *(width * min(2**level, 8) for level in range(depth))]
        self.scale = _Scaled(grey_scaling)
        self.features = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2))
                for i, o in itertools.pairwise(channels)
            )
        )
        cells = (image_size // 2**depth) ** 2
        self.regress = nn.Sequential(
            nn.Flatten(), nn.Linear(channels[-1] * cells, 128), nn.ReLU(inplace=True), nn.Linear(128, 8)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.regress(self.features(self.scale(images))).reshape(-1, 4, 2)


def describe_architecture(network: Network, image_size: int) -> dict:
    """The network as a checkpoint stores it: plain values, for `build_network`."""
    if network.kind == "direct":
        keys = {"kind", "width", "depth", "grey_scaling"}
        return network.model_dump(include=keys) | {"image_size": image_size}
    return network.model_dump()


def build_network(architecture: dict) -> nn.Module:
    """Build a network from its plain description, as a checkpoint holds it.

    Examples
    --------
    >>> description = dict(kind="direct", width=8, depth=3, image_size=64, grey_scaling="unit")
    >>> build_network(description)(torch.zeros(2, 1, 64, 64, dtype=torch.uint8)).shape
    torch.Size([2, 4, 2])
    """
    arguments = dict(architecture)
    kind = {"heatmap": UNet, "direct": DirectRegressor}[arguments.pop("kind")]
    return kind(**arguments)


def count_parameters(network: nn.Module) -> int:
    """Trainable numbers in a network."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
