"""What a recipe may say: how a network is built, trained and read.

Recipes are files, ``recipes/<name>.yaml``. ``extends`` names the recipe that a file starts from; blocks are merged
deeply. `recipes/heatmap.yaml` holds every value; this module holds their types, ranges and meanings.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from fetal_biometry.errors import InputError
from fetal_biometry.problems import Block, describe_problem, nearest, read_mapping


class Network(Block):
    """The network."""

    kind: Literal["heatmap", "direct"] = Field(description="U-Net with heatmaps, or a CNN that regresses coordinates")
    width: int = Field(
        ge=4, le=128, description="channels at the finest level; they double at each pooling, up to 8 times"
    )
    depth: int = Field(ge=1, le=7, description="poolings; the last level sees the whole head")
    stem_stride: Literal[1, 2, 4] = Field(description="2 halves the image at once: a quarter of the work")
    stride: Literal[1, 2, 4, 8, 16] = Field(description="pixels of the network's input per heatmap cell")
    batch_norm: bool = Field(description="batch normalisation")
    transposed: bool = Field(description="transposed convolutions on the way up, else bilinear")
    grey_scaling: Literal["standardise", "unit", "none"] = Field(description="of grey values, image by image")
    head_mask: bool = Field(description="a fifth output, the probability that a cell belongs to the head")


class Training(Block):
    """The training."""

    seed: int = Field(ge=0, description="of weights, order and random views")
    device: str = Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto takes a GPU where there is one")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        description="auto: bfloat16 where the hardware multiplies it"
    )
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=2)
    learning_rate: float = Field(gt=0, le=1, description="peak of the schedule")
    schedule: Literal["cosine", "constant"] = Field(description="cosine falls to zero, so the last weights are settled")
    weight_decay: float = Field(ge=0)
    weight_average: float = Field(ge=0, lt=1, description="decay of the moving average of weights; 0 = plain weights")
    loss: Literal["cross_entropy", "mse"] = Field(description="over a channel's cells, or of each cell")
    sigma_px: float = Field(gt=0, le=64, description="of the target Gaussians, pixels of the network's input")
    mask_weight: float = Field(ge=0, le=1000, description="of the head mask's loss beside the landmarks'")
    keep: Literal["best", "last"] = Field(description="the epoch that is best on the validation images, or the last")
    calibrate_on: Literal["validation", "out_of_fold"] = Field(
        description="out_of_fold: validation images train too; networks of folds calibrate intervals"
    )


class Augmentation(Block):
    """Random views: one for each image and epoch."""

    flip: float = Field(ge=0, le=1, description="probability, each direction")
    rotation_deg: float = Field(ge=0, le=180)
    shrink: float = Field(ge=0, le=2, description="scale at least exp(-shrink)")
    enlarge: float = Field(ge=0, le=1, description="scale at most exp(enlarge)")
    shift: float = Field(ge=0, le=0.5, description="share of the frame")
    thin: float = Field(ge=0, le=1.5, description="skull at least exp(-thin) times as thick, as larger heads have it")
    thicken: float = Field(ge=0, le=1.5, description="skull at most exp(thicken) times as thick")
    gain: float = Field(ge=0, le=2, description="grey values times exp(-gain) to exp(gain)")
    gamma: float = Field(ge=0, le=2, description="grey values to the power of exp(-gamma) to exp(gamma)")
    shadow: float = Field(ge=0, le=1, description="probability of one more acoustic shadow")
    noise: float = Field(ge=0, le=128, description="grey levels at most")


class NoisyLabels(Block):
    """What training does with labels that the audit does not call valid."""

    policy: Literal["drop", "keep", "repair"] = Field(
        description="leave out; take as they are; replace by out-of-fold points"
    )
    repair_confidence: float = Field(ge=0, le=1, description="repair: least confidence of the points")


class Reading(Block):
    """How a network's output becomes landmarks. A change here needs no new training."""

    decoder: Literal["fused", "paired", "subpixel", "argmax"] = Field(
        description="fused: mean of the ellipses of the paired peaks and of the mask; paired: two peaks for each "
        "diameter; subpixel: each peak, finer than a cell; argmax: brightest cell"
    )
    test_time_augmentation: Literal["none", "conditional", "always"] = Field(
        description="mean over four flips, at two scales; conditional: only where the network's two estimates disagree"
    )
    closer_views: list[Annotated[float, Field(ge=0.2, le=0.9)]] = Field(
        description="each head is measured again on closer views, where its OFD spans these shares of the side; the "
        "mean of the views is used"
    )
    correct_bias: bool = Field(
        description="lengths are corrected for their bias against valid labels of images that were not trained on"
    )
    arithmetic: Literal["float32", "int8"] = Field(description="of the exported network")


class TrainingRecipe(Block):
    """A recipe without its `Reading`: what ``<name>.training.yaml`` of the plan holds."""

    network: Network
    training: Training
    augmentation: Augmentation | None
    noisy_labels: NoisyLabels

    @property
    def deepest(self) -> int:
        """The multiple that the network's input has to have as its side."""
        stem = self.network.stem_stride if self.network.kind == "heatmap" else 1
        return stem * 2**self.network.depth


class Recipe(TrainingRecipe):
    """One recipe, whole."""

    reading: Reading

    @model_validator(mode="after")
    def _check_pairs(self) -> Recipe:
        network, training = self.network, self.training
        reachable = [network.stem_stride * 2**level for level in range(network.depth + 1)]
        if network.kind == "heatmap" and network.stride not in reachable:
            raise ValueError(
                f"network.stride {network.stride} is not among {reachable}, which stem_stride and depth allow"
            )
        draws_heads = network.kind == "heatmap" and network.head_mask
        if self.reading.decoder == "fused" and not draws_heads:
            raise ValueError(
                "reading.decoder fused reads the head mask; set network.head_mask: true or another decoder"
            )
        if network.head_mask and not training.mask_weight:
            raise ValueError("network.head_mask needs training.mask_weight above 0")
        if self.reading.arithmetic == "int8" and network.kind != "heatmap":
            raise ValueError("reading.arithmetic int8 needs network.kind heatmap")
        if self.reading.test_time_augmentation != "none" and not draws_heads:
            raise ValueError("reading.test_time_augmentation reads the head mask; set it to none")
        if self.reading.closer_views and not draws_heads:
            raise ValueError("reading.closer_views reads the head mask; set it to []")
        return self

    def training_part(self) -> dict:
        """All that a training depends on."""
        return self.model_dump(exclude={"reading"})


def merge(base: dict, other: dict) -> dict:
    """A deep merge: what ``other`` says counts, blocks are merged key by key."""
    merged = dict(base)
    for key, value in other.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def find_recipe(name: str, folders: list[Path], where: str = "recipe") -> Path:
    """The file of a recipe, from the first folder that has it; a path to a file names itself.

    Raises
    ------
    InputError
        No such file, or one whose name can be no folder's; ``where`` says what names it.
    """
    found = [folder / f"{name}.yaml" for folder in folders if (folder / f"{name}.yaml").is_file()]
    path = Path(name) if name.endswith(".yaml") else next(iter(found), None)
    if path is None:
        known = sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})
        raise InputError(f"{where}: there is no recipe {name!r}{nearest(name, known)}; there are {', '.join(known)}.")
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_-]*", path.stem):
        raise InputError(
            f"{where}: {path} gives its name to a folder of results; rename it, with letters, digits, - and _ only."
        )
    return path


def read_recipe(name: str, folders: list[Path], changes: dict | None = None) -> Recipe:
    """A recipe by name, with what its file extends, and with ``changes`` on top.

    Raises
    ------
    InputError
        A missing file, one that extends itself, a wrong key, type or range, an impossible pair.
    """
    first = path = find_recipe(name, folders)
    files: dict[Path, dict] = {}
    while path:
        if path in files:
            raise InputError(f"{path}: extends itself by way of {list(files)[-1].name}; remove one `extends`.")
        files[path] = read_mapping(path)
        base = files[path].pop("extends", None)
        path = find_recipe(str(base), folders, f"{path}, extends") if base else None
    values: dict = {}
    for given in [*reversed(files.values()), changes or {}]:
        values = merge(values, given)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{first}: {describe_problem(error, Recipe, 'extends')}") from None


def read_training_recipe(path) -> TrainingRecipe:
    """A recipe's training part, as the plan wrote it."""
    return TrainingRecipe.model_validate(read_mapping(path))


def read_reading(path) -> Reading:
    """A recipe's `Reading`, as the plan wrote it."""
    return Reading.model_validate(read_mapping(path))
