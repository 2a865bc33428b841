"""Train networks on cached images; every epoch leaves a checkpoint from which the same training goes on."""

import functools
import io
import logging
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from torch.optim.swa_utils import get_ema_multi_avg_fn
from tqdm import tqdm

from fetal_biometry.data.audit import sure_heads
from fetal_biometry.errors import InputError
from fetal_biometry.images.cache import Shards
from fetal_biometry.job import atomic_path
from fetal_biometry.model import detection as decoding
from fetal_biometry.model import geometry, heatmaps
from fetal_biometry.model import head_mask as masks
from fetal_biometry.model.augmentation import augment, coarsen
from fetal_biometry.model.head_presence import learn_gate
from fetal_biometry.model.networks import build_networks, count_parameters
from fetal_biometry.model.views import between, closeups, show_beside, show_labelled, to_grid, whole_views

_STRETCHED = 200  # images at most, for a median
_GATED = 1000  # the same, for a gate
_BATCHED = 64  # of these at a time
_TEACH_EVERY = 3  # epochs; the averaged network changes little from one to the next


@dataclass
class Samples:
    """Images with landmarks, for training or validation.

    ``names`` of N images in ``images`` (and ``targets``, their rendered heatmaps, where they need not be rendered
    anew); ``points`` (N, 4, 2) in original pixels; ``weights`` (N,) in the loss, 0 for an image that does not
    train; ``taught`` (N,) whether the network's own points take the label's place as training goes on; ``sizes``
    (N, 2) original width and height; ``unit_per_px`` (N,) turns pixel lengths into the unit of report.
    """

    names: list[str]
    points: np.ndarray
    weights: np.ndarray
    taught: np.ndarray
    sizes: np.ndarray
    unit_per_px: np.ndarray
    images: Shards
    targets: Shards | None

    def __len__(self):
        return len(self.names)


def describe_architecture(settings: dict) -> dict:
    """The networks' part of an experiment's settings, as a checkpoint stores it."""
    if settings["kind"] == "direct":
        keys, outputs = ("kind", "width", "depth", "image_size", "grey_scaling"), {}
    else:
        keys = ("kind", "width", "depth", "stem_stride", "stride", "batch_norm", "transposed", "grey_scaling")
        outputs = {"mask": settings["mask_weight"] > 0}
        if settings["closeup"]:
            outputs["finder"] = settings["closeup"]["finder"]
    return {key: settings[key] for key in keys} | outputs


def choose_device(device: str) -> torch.device:
    """``auto`` takes a GPU where there is one; to ask for one where there is none is an InputError."""
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"device: {device}, but torch finds no GPU here; set device: auto or cpu.")
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)


def choose_precision(precision: str, device: torch.device) -> torch.dtype:
    """``auto`` takes bfloat16 where the processor multiplies it faster than float32."""
    if precision != "auto":
        return getattr(torch, precision)
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    features = torch.cpu.get_capabilities()
    return torch.bfloat16 if features.get("avx512_bf16") or features.get("amx_bf16") else torch.float32


def heatmap_loss(logits: torch.Tensor, targets: torch.Tensor, loss: str) -> torch.Tensor:
    """Loss of each image, (N,), between (N, 4, H, W) logits and Gaussian targets.

    ``mse`` compares the sigmoid of the logits with the targets (the reference's). ``cross_entropy`` takes
    both as distributions over the cells of a channel, so drawing nothing is no cheap answer.
    """
    if loss == "mse":
        return (torch.sigmoid(logits) - targets).square().mean(dim=(1, 2, 3))
    mass = targets.flatten(2)
    mass = mass / mass.sum(dim=2, keepdim=True).clamp_min(1e-12)
    return -(mass * functional.log_softmax(logits.flatten(2), dim=2)).sum(dim=2).mean(dim=1)


def mask_loss(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Mean binary cross entropy of each image's filled head, (N,), between (N, H, W) logits and shares of cells."""
    return functional.binary_cross_entropy_with_logits(logits, masks, reduction="none").mean(dim=(1, 2))


def drawn_maps(logits: torch.Tensor, loss: str) -> torch.Tensor:
    """What `decoding.locate` reads: non-negative heatmaps, and the filled head where there is a fifth channel."""
    if loss == "mse":
        return torch.sigmoid(logits)
    heatmaps = functional.softmax(logits[:, :4].flatten(2), dim=2).reshape(logits[:, :4].shape)
    return torch.cat([heatmaps, torch.sigmoid(logits[:, 4:])], dim=1)


def save(value, path) -> None:
    """`torch.save`, whole or not at all; in memory first, for torch does not tell why a disk takes no more."""
    written = io.BytesIO()
    torch.save(value, written)
    with atomic_path(path) as temporary:
        temporary.write_bytes(written.getvalue())


class Trainer:
    """One experiment's training.

    Parameters
    ----------
    settings : dict
        The experiment's knobs (see config.yaml).
    training, validation : Samples
        `validation` may be empty: the last epoch is then kept, as with ``keep_epoch: last``.
    checkpoint : path
        Where the state after each epoch lies; removed once the model is exported.
    identity : str
        Digest of everything the training depends on; a checkpoint of another identity is ignored.
    strangers : Samples, optional
        Images without a head. With random views they take the place of a share ``strangers`` of what the first look's
        network is shown, which learns to draw nothing there. (The one that measures would measure worse for it.)
    """

    def __init__(
        self, settings: dict, training: Samples, validation: Samples, checkpoint, identity: str, strangers=None
    ):
        self.settings, self.validation, self.strangers = settings, validation, strangers
        self.training = replace(training, points=training.points.copy(), weights=training.weights.copy())
        self.checkpoint, self.identity = Path(checkpoint), identity
        self.device = choose_device(settings["device"])
        self.precision = choose_precision(settings["precision"], self.device)
        self.cells = settings["image_size"] // settings["stride"]
        self.sigma_cells = settings["sigma_px"] / settings["stride"]
        torch.manual_seed(settings["seed"])
        self.networks = self._build()
        self.average = self._build(self.networks.state_dict())
        self.optimizer = torch.optim.AdamW(
            self.networks.parameters(), settings["learning_rate"], weight_decay=settings["weight_decay"], fused=True
        )
        self.steps = 0
        self.history: list[dict] = []
        self.best: dict = {"error": float("inf"), "epoch": 0, "state": {}}

    def run(self) -> None:
        """Train to the last epoch, from the checkpoint where there is a fitting one."""
        self._resume()
        epochs = self.settings["epochs"]
        logging.info(
            "%d training and %d validation images, %.2f million parameters, %s on %s, epoch %d of %d next",
            np.count_nonzero(self.training.weights), len(self.validation), count_parameters(self.networks) / 1e6,
            str(self.precision).removeprefix("torch."), self.device.type, len(self.history) + 1, epochs,
        )  # fmt: skip
        bar = tqdm(total=epochs, initial=len(self.history), desc="training", unit="epoch", disable=None)
        for epoch in range(len(self.history) + 1, epochs + 1):
            row = self.run_epoch(epoch)
            self.history.append(row)
            self._keep_best(epoch, row)
            self._save_checkpoint()
            logging.info("epoch %d: %s", epoch, ", ".join(f"{k} {v:.5g}" for k, v in row.items() if k != "epoch"))
            bar.set_postfix_str(", ".join(f"{k} {v:.3g}" for k, v in row.items() if k.endswith(("loss", "mm", "px"))))
            bar.update()
        bar.close()

    def model(self, which: str) -> dict:
        """The ``best`` or ``last`` weights with all that is needed to use and to trace them."""
        last = which == "last" or not self.best["state"]
        state = {k: v.cpu() for k, v in self.average.state_dict().items()} if last else self.best["state"]
        state = self._close_gate(state)
        return {
            "architecture": describe_architecture(self.settings),
            "settings": self.settings,
            "state": state,
            "stretch": self._measure_stretch(state),
            "epoch": len(self.history) if last else self.best["epoch"],
            "parameters": count_parameters(self.networks),
            "seconds": float(sum(row["seconds"] for row in self.history)),
            "data_digest": self.identity,
        }

    def models(self) -> dict[str, dict]:
        """What `model` gives for ``best`` and ``last``, which are one where no epoch was chosen."""
        last = self.model("last")
        return {"best": self.model("best") if self.best["state"] else last, "last": last}

    def run_epoch(self, epoch: int) -> dict:
        """Train for one epoch, counted from 1: its row of the history."""
        started = time.perf_counter()
        rng = np.random.default_rng([self.settings["seed"], epoch])
        self._teach(epoch)
        order = self._draw_order(rng)
        size = self.settings["batch_size"]
        batches = [order[i : i + size] for i in range(0, len(order), size)]
        if len(batches) > 1 and len(batches[-1]) == 1:
            batches.pop()  # batch normalisation needs two
        self.networks.train()
        losses = [[] for _ in self.networks]
        for number, batch in enumerate(batches):
            for group in self.optimizer.param_groups:
                group["lr"] = self._learning_rate(epoch - 1 + number / len(batches))
            look = self._draw_turn()
            losses[look].append(self._step(batch, look, rng))
        row = {"epoch": epoch, "train_loss": float(np.mean(losses[-1])) if losses[-1] else np.nan, **self._validate()}
        row["learning_rate"] = self.optimizer.param_groups[0]["lr"]
        row["seconds"] = time.perf_counter() - started
        return row

    def _build(self, state: dict | None = None) -> torch.nn.ModuleList:
        """The experiment's networks, one a look, with these weights or with random ones."""
        networks = build_networks(describe_architecture(self.settings)).to(
            self.device, memory_format=torch.channels_last
        )
        if state is not None:
            networks.load_state_dict(state)
        return networks

    def _draw_turn(self) -> int:
        """Which network learns from the next batch: that of the first look or, in a share of the steps, of the last."""
        if len(self.networks) == 1:
            return 0
        share = self.settings["closeup"]["share"]
        return int((self.steps + 1) * share) - int(self.steps * share)

    def _draw_order(self, rng: np.random.Generator) -> np.ndarray:
        """As many images as there are samples, whatever their weights: leaving labels out shortens no training."""
        trains = np.flatnonzero(self.training.weights)
        passes = -(-len(self.training) // len(trains))
        return np.concatenate([rng.permutation(trains) for _ in range(passes)])[: len(self.training)]

    def _learning_rate(self, epochs_done: float) -> float:
        """Constant, or one cosine arc to zero after a linear rise over the first twentieth."""
        peak, total = self.settings["learning_rate"], self.settings["epochs"]
        if self.settings["schedule"] == "constant":
            return peak
        rise = max(total / 20, 1e-9)
        return peak * min(1.0, (epochs_done + 0.05) / rise) * 0.5 * (1 + math.cos(math.pi * epochs_done / total))

    def _step(self, batch: np.ndarray, look: int, rng: np.random.Generator) -> float:
        images, targets = self.load(self.training, batch, look, rng if self.settings["augmentation"] else None)
        weights = torch.from_numpy(self.training.weights[batch]).float().to(self.device)
        losses = self._loss(self._forward(self.networks[look], images), targets)
        loss = (weights * losses).sum() / weights.sum()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.steps += 1
        self._update_average()
        value = loss.item()
        if not np.isfinite(value):
            raise FloatingPointError("the training loss is not finite; lower learning_rate or use precision: float32")
        return value

    def _update_average(self) -> None:
        """Exponential moving average of the weights, over few steps at first and `weight_average` in the end."""
        decay = min(self.settings["weight_average"], (1 + self.steps) / (10 + self.steps))
        kept, new = (
            [value for value in (*part.parameters(), *part.buffers()) if value.is_floating_point()]
            for part in (self.average, self.networks)
        )
        get_ema_multi_avg_fn(decay)(kept, new, None)

    def load(self, samples: Samples, batch, look: int, rng=None):
        """Images (B, 1, S, S) and targets of a batch as that look sees them; with `rng`, of random views."""
        names = [samples.names[i] for i in batch]
        images, points, sizes = samples.images.gather(names), samples.points[batch], samples.sizes[batch]
        size, closeup = self.settings["image_size"], self.settings["closeup"] if look else None
        strange = np.zeros(len(batch), dtype=bool)
        if rng is not None and self.strangers is not None and self.settings["strangers"] and not look:
            strange = rng.random(len(batch)) < self.settings["strangers"]
            drawn = rng.integers(len(self.strangers), size=np.count_nonzero(strange))
            points[strange], sizes[strange] = self.strangers.points[drawn], self.strangers.sizes[drawn]
            for place, number in zip(np.flatnonzero(strange), drawn, strict=True):
                images[place] = self.strangers.images[self.strangers.names[number]]
        if rng is None:
            images, points = show_labelled(images, sizes, points, closeup, size)
        else:
            drawn = [self._draw_view(*one, closeup, rng) for one in zip(images, points, sizes, strict=True)]
            images, points = (np.stack(part) for part in zip(*drawn, strict=True))
        if self.settings["kind"] == "direct":
            targets = ((points + 0.5) / size).astype(np.float32)
        else:
            grid = geometry.resize_points(points, (size, size), (self.cells, self.cells))
            if rng is None and not look and samples.targets is not None:
                targets = samples.targets.gather(names).astype(np.float32)
            else:
                targets = heatmaps.encode(grid, self.cells, self.sigma_cells)
            if self.settings["mask_weight"]:
                targets = np.concatenate([targets, masks.encode(grid, self.cells)[:, None]], axis=1)
            targets[strange] = 0  # so that a cross entropy over the cells of a heatmap says nothing
        return torch.from_numpy(images[:, None]).to(self.device), torch.from_numpy(targets).to(self.device)

    def _draw_view(self, image, points, original_size, closeup, rng):
        """A random view of one image, of all of it or of its head from close by, and the landmarks there."""
        knobs, size = self.settings["augmentation"], self.settings["image_size"]
        (whole,) = views = whole_views(original_size[None])
        aspect, start = original_size[0] / original_size[1], None
        if closeup:
            views = closeups(points[None], closeup["field"])
            aspect, start, knobs = 1.0, between(whole, views[0], len(image), size), {**knobs, **closeup}
            image = coarsen(image, np.exp(-rng.uniform(0, closeup["coarsen"])))
        else:
            image = geometry.squeeze(image, size)
        return augment(image, to_grid(views, points[None], size)[0], aspect, size, knobs, rng, start)

    def _forward(self, network, images: torch.Tensor) -> torch.Tensor:
        with torch.autocast(self.device.type, dtype=self.precision, enabled=self.precision != torch.float32):
            return network(images.contiguous(memory_format=torch.channels_last)).float()

    def _loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Of each image, (B,)."""
        if self.settings["kind"] == "direct":
            return (outputs - targets).square().mean(dim=(1, 2))
        losses = heatmap_loss(outputs[:, :4], targets[:, :4], self.settings["loss"])
        if self.settings["mask_weight"]:
            losses = losses + self.settings["mask_weight"] * mask_loss(outputs[:, 4], targets[:, 4])
        return losses

    @torch.no_grad()
    def _draw(self, images: np.ndarray, look: int, networks=None) -> np.ndarray:
        """A look's maps of (N, S, S) images; by the averaged networks unless others are given."""
        size, maps = self.settings["batch_size"], []
        network = (self.average if networks is None else networks)[min(look, len(self.networks) - 1)]
        for start in range(0, len(images), size):
            batch = torch.from_numpy(images[start : start + size, None]).to(self.device)
            outputs = self._forward(network, batch)
            maps.append(drawn_maps(outputs, self.settings["loss"]).cpu().numpy())
        return np.concatenate(maps)

    def _teach(self, epoch: int) -> None:
        """Let the averaged network's own points train the images whose labels are open, where it is sure.

        It has to find one head from all four reflections of the image: their maps are averaged, so heads found in
        different places leave low peaks, and only a confident head that passes the audit's limits teaches.
        """
        samples, settings = self.training, self.settings
        open_labels = np.flatnonzero(samples.taught)
        if not len(open_labels) or epoch <= settings["teach_from"] * settings["epochs"] or epoch % _TEACH_EVERY:
            return
        self.average.eval()
        points, confidence = [], []
        for batch in np.split(open_labels, range(settings["batch_size"], len(open_labels), settings["batch_size"])):
            images = samples.images.gather([samples.names[i] for i in batch])
            found = decoding.find_heads(self._draw, images, samples.sizes[batch], self._reading("all"))
            points.append(found[0])
            confidence.append(found[1][:, decoding.EVIDENCE.index("confidence")])
        samples.points[open_labels] = np.concatenate(points)
        samples.weights[open_labels] = sure_heads(
            samples.points[open_labels], np.concatenate(confidence), samples.sizes[open_labels],
            settings["teach_confidence"], settings["limits"],
        )  # fmt: skip
        logging.info("%d of %d open labels are taught", samples.weights[open_labels].sum(), len(open_labels))

    @torch.no_grad()
    def _validate(self) -> dict:
        """Loss and length errors on the validation images, in the unit of report."""
        samples = self.validation
        if not len(samples):
            return {}
        self.average.eval()
        size, last = self.settings["batch_size"], len(self.networks) - 1
        losses, found = [], []
        for start in range(0, len(samples), size):
            batch = np.arange(start, min(start + size, len(samples)))
            images, targets = self.load(samples, batch, last)
            outputs = self._forward(self.average[last], images)
            losses.append(self._loss(outputs, targets).sum().item())
            if self.settings["kind"] == "direct":
                found.append(decoding.locate_coordinates(outputs.cpu().numpy(), samples.sizes[batch]))
            else:
                images = samples.images.gather([samples.names[i] for i in batch])
                found.append(decoding.find_heads(self._draw, images, samples.sizes[batch], self._reading())[0])
        error = np.abs(geometry.all_lengths(np.concatenate(found)) - geometry.all_lengths(samples.points))
        in_unit = (error * samples.unit_per_px[:, None]).mean(axis=0)
        unit = self.settings["unit"]
        return {
            "validation_loss": float(np.sum(losses) / len(samples)),
            **{
                f"validation_{length}_mae_{unit}": float(v) for length, v in zip(geometry.LENGTHS, in_unit, strict=True)
            },
            "validation_relative_error": float((error / geometry.all_lengths(samples.points)).mean()),
        }

    def _reading(self, reflections: str = "none") -> dict:
        """How `decoding.find_heads` reads these networks."""
        knobs = {key: self.settings[key] for key in ("decoder", "closeup", "image_size")}
        constant = {"sigma_cells": self.sigma_cells, "stretch": geometry.UNSTRETCHED, "zooms": [1]}
        return {**knobs, **constant, "reflections": reflections}

    @torch.no_grad()
    def _close_gate(self, state: dict) -> dict:
        """These weights, with a gate that tells the training heads from strangers and from what lies beside heads."""
        if self.strangers is None or not getattr(self.networks[0], "gated", False):
            return state
        finder, samples, size = self._build(state).eval()[0], self.training, self.settings["image_size"]
        groups = [[], [], []]
        trains = np.flatnonzero(samples.weights)
        some = trains[:: -(-len(trains) // _GATED)]
        for batch in np.array_split(some, -(-len(some) // _BATCHED)):
            images, sizes = samples.images.gather([samples.names[i] for i in batch]), samples.sizes[batch]
            groups[0].append(geometry.squeeze_all(images, size))
            groups[1].append(show_beside(images, sizes, samples.points[batch], size)[0])
        groups[2].append(geometry.squeeze_all(self.strangers.images.gather(self.strangers.names), size))
        heads, *others = (
            torch.cat([self._overview(finder, images) for images in group if len(images)] or [torch.zeros(0)])
            for group in groups
        )
        with torch.enable_grad():
            weight, bias = learn_gate(heads, [group for group in others if len(group)])
        odds = [[(group @ weight + bias).quantile(q) for q in (0.02, 0.98)] for group in (heads, *others) if len(group)]
        logging.info("odds of a head, of 2 and 98 %% of heads, strips beside them, strangers: %s", np.round(odds, 1))
        return {**state, "0.gate_weight": weight, "0.gate_bias": bias}

    def _overview(self, finder, images: np.ndarray) -> torch.Tensor:
        """What the gate sees of (N, S, S) images and of their reflections."""
        reflected = np.concatenate([np.flip(images, axes) for axes in ((), -1, -2, (-1, -2))])
        seen = torch.from_numpy(np.ascontiguousarray(reflected[:, None])).to(self.device)
        return torch.cat([finder.overview(part) for part in seen.split(_BATCHED)]).cpu()

    def _measure_stretch(self, state: dict) -> tuple[float, float]:
        """`decoding.measure_stretch` of these weights, on some of the images at hand, whatever their labels."""
        if not self.settings["mask_weight"] or self.settings["kind"] == "direct":
            return geometry.UNSTRETCHED
        networks = self._build(state).eval()
        samples = self.validation if len(self.validation) else self.training
        some = np.linspace(0, len(samples) - 1, min(len(samples), _STRETCHED)).astype(int)
        images = samples.images.gather([samples.names[i] for i in some])
        draw = functools.partial(self._draw, networks=networks)
        return decoding.measure_stretch(draw, images, samples.sizes[some], self._reading())

    def _keep_best(self, epoch: int, row: dict) -> None:
        """Keep the weights with the lowest mean relative error of the three lengths on the validation images."""
        error = row.get("validation_relative_error")
        if self.settings["keep_epoch"] == "best" and error is not None and error < self.best["error"]:
            state = {key: value.detach().cpu().clone() for key, value in self.average.state_dict().items()}
            self.best = {"error": error, "epoch": epoch, "state": state}

    def _save_checkpoint(self) -> None:
        state = {
            "identity": self.identity,
            "networks": self.networks.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "steps": self.steps,
            "history": self.history,
            "best": self.best,
            "points": torch.from_numpy(self.training.points),
            "weights": torch.from_numpy(self.training.weights),
        }
        save(state, self.checkpoint)

    def _resume(self) -> None:
        if not self.checkpoint.exists():
            return
        try:
            state = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
        except Exception as error:  # a damaged file must cost a restart, not the run
            logging.warning("%s cannot be read (%s); training starts anew", self.checkpoint, error)
            return
        if state["identity"] != self.identity:
            logging.info("%s belongs to other data or settings; training starts anew", self.checkpoint)
            return
        self.networks.load_state_dict(state["networks"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps, self.history, self.best = state["steps"], state["history"], state["best"]
        self.training.points, self.training.weights = state["points"].numpy(), state["weights"].numpy()
        logging.info("going on after epoch %d of an interrupted training", len(self.history))
