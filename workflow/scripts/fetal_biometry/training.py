"""Train a network on cached images; every epoch leaves a checkpoint from which the same training goes on."""

import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from tqdm import tqdm

from fetal_biometry import geometry, heatmaps
from fetal_biometry.augmentation import augment
from fetal_biometry.cache import Shards
from fetal_biometry.job import atomic_path
from fetal_biometry.landmarks import canonical
from fetal_biometry.networks import build_network, count_parameters


@dataclass
class Samples:
    """Images with landmarks, for training or validation.

    ``names`` of N images in ``images`` (and ``targets``, their rendered heatmaps, where they need not be rendered
    anew); ``points`` (N, 4, 2) in original pixels; ``weights`` (N,) in the loss; ``sizes`` (N, 2) original width
    and height; ``unit_per_px`` (N,) turns pixel lengths into the unit of report.
    """

    names: list[str]
    points: np.ndarray
    weights: np.ndarray
    sizes: np.ndarray
    unit_per_px: np.ndarray
    images: Shards
    targets: Shards | None

    def __len__(self):
        return len(self.names)


def describe_architecture(settings: dict) -> dict:
    """The network's part of an experiment's settings, as a checkpoint stores it."""
    keys = {
        "heatmap": ("kind", "width", "depth", "stem_stride", "stride", "batch_norm", "transposed", "grey_scaling"),
        "direct": ("kind", "width", "depth", "image_size", "grey_scaling"),
    }[settings["kind"]]
    return {key: settings[key] for key in keys}


def choose_device(device: str) -> torch.device:
    """``auto`` takes a GPU where there is one."""
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


def heatmap_scores(logits: torch.Tensor, loss: str) -> torch.Tensor:
    """Non-negative maps for `heatmaps.decode`."""
    if loss == "mse":
        return torch.sigmoid(logits)
    return functional.softmax(logits.flatten(2), dim=2).reshape(logits.shape)


class Trainer:
    """One experiment's training.

    Parameters
    ----------
    settings : dict
        The experiment's knobs (see config.yaml).
    training, validation : Samples
        `validation` may be empty: the last epoch is then kept.
    checkpoint : path
        Where the state after each epoch lies; removed by nobody but the caller.
    identity : str
        Digest of everything the training depends on; a checkpoint of another identity is ignored.
    """

    def __init__(self, settings: dict, training: Samples, validation: Samples, checkpoint, identity: str):
        self.settings, self.training, self.validation = settings, training, validation
        self.checkpoint, self.identity = Path(checkpoint), identity
        self.device = choose_device(settings["device"])
        self.precision = choose_precision(settings["precision"], self.device)
        self.cells = settings["image_size"] // settings["stride"]
        self.sigma_cells = settings["sigma_px"] / settings["stride"]
        torch.manual_seed(settings["seed"])
        self.network = build_network(describe_architecture(settings)).to(self.device, memory_format=torch.channels_last)
        self.average = build_network(describe_architecture(settings)).to(self.device, memory_format=torch.channels_last)
        self.average.load_state_dict(self.network.state_dict())
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), settings["learning_rate"], weight_decay=settings["weight_decay"], fused=True
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
            len(self.training), len(self.validation), count_parameters(self.network) / 1e6,
            str(self.precision).removeprefix("torch."), self.device.type, len(self.history) + 1, epochs,
        )  # fmt: skip
        bar = tqdm(total=epochs, initial=len(self.history), desc="training", unit="epoch", disable=None)
        for epoch in range(len(self.history) + 1, epochs + 1):
            row = self._run_epoch(epoch)
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
        return {
            "architecture": describe_architecture(self.settings),
            "settings": self.settings,
            "state": {k: v.cpu() for k, v in self.average.state_dict().items()} if last else self.best["state"],
            "epoch": len(self.history) if last else self.best["epoch"],
            "parameters": count_parameters(self.network),
            "seconds": float(sum(row["seconds"] for row in self.history)),
            "data_digest": self.identity,
        }

    def _run_epoch(self, epoch: int) -> dict:
        started = time.perf_counter()
        rng = np.random.default_rng([self.settings["seed"], epoch])
        order = rng.permutation(len(self.training))
        size = self.settings["batch_size"]
        batches = [order[i : i + size] for i in range(0, len(order), size)]
        if len(batches) > 1 and len(batches[-1]) == 1:
            batches.pop()  # batch normalisation needs two
        self.network.train()
        losses = []
        for number, batch in enumerate(batches):
            for group in self.optimizer.param_groups:
                group["lr"] = self._learning_rate(epoch - 1 + number / len(batches))
            losses.append(self._step(batch, rng))
        row = {"epoch": epoch, "train_loss": float(np.mean(losses)), **self._validate()}
        row["learning_rate"] = self.optimizer.param_groups[0]["lr"]
        row["seconds"] = time.perf_counter() - started
        return row

    def _learning_rate(self, epochs_done: float) -> float:
        """Constant, or one cosine arc to zero after a linear rise over the first twentieth."""
        peak, total = self.settings["learning_rate"], self.settings["epochs"]
        if self.settings["schedule"] == "constant":
            return peak
        rise = max(total / 20, 1e-9)
        return peak * min(1.0, (epochs_done + 0.05) / rise) * 0.5 * (1 + math.cos(math.pi * epochs_done / total))

    def _step(self, batch: np.ndarray, rng: np.random.Generator) -> float:
        images, targets = self._load(self.training, batch, rng if self.settings["augmentation"] else None)
        weights = torch.from_numpy(self.training.weights[batch]).float().to(self.device)
        losses = self._loss(self._forward(self.network, images), targets)
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
        with torch.no_grad():
            for kept, new in zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True):
                if kept.dtype.is_floating_point:
                    kept.lerp_(new, 1 - decay)
                else:
                    kept.copy_(new)

    def _load(self, samples: Samples, batch, rng=None):
        """Images (B, 1, S, S) and targets of a batch; with `rng`, of random views of it."""
        names = [samples.names[i] for i in batch]
        images = samples.images.gather(names)
        size = self.settings["image_size"]
        points = geometry.resize_points(samples.points[batch], samples.sizes[batch][:, None], (size, size))
        if rng is not None:
            aspects = samples.sizes[batch][:, 0] / samples.sizes[batch][:, 1]
            views = [
                augment(image, ends, aspect, self.settings["augmentation"], rng)
                for image, ends, aspect in zip(images, points, aspects, strict=True)
            ]
            images, points = (np.stack(part) for part in zip(*views, strict=True))
        if self.settings["kind"] == "direct":
            targets = ((points + 0.5) / size).astype(np.float32)
        elif rng is None and samples.targets is not None:
            targets = samples.targets.gather(names).astype(np.float32)
        else:
            grid = geometry.resize_points(points, (size, size), (self.cells, self.cells))
            targets = heatmaps.encode(grid, self.cells, self.sigma_cells)
        return torch.from_numpy(images[:, None]).to(self.device), torch.from_numpy(targets).to(self.device)

    def _forward(self, network, images: torch.Tensor) -> torch.Tensor:
        with torch.autocast(self.device.type, dtype=self.precision, enabled=self.precision != torch.float32):
            return network(images.contiguous(memory_format=torch.channels_last)).float()

    def _loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Of each image, (B,)."""
        if self.settings["kind"] == "direct":
            return (outputs - targets).square().mean(dim=(1, 2))
        return heatmap_loss(outputs, targets, self.settings["loss"])

    @torch.no_grad()
    def _validate(self) -> dict:
        """Loss and length errors on the validation images, in the unit of report."""
        samples = self.validation
        if not len(samples):
            return {}
        self.average.eval()
        size = self.settings["batch_size"]
        losses, found = [], []
        for start in range(0, len(samples), size):
            batch = np.arange(start, min(start + size, len(samples)))
            images, targets = self._load(samples, batch)
            outputs = self._forward(self.average, images)
            losses.append(self._loss(outputs, targets).sum().item())
            found.append(self._decode(outputs))
        points = canonical(
            geometry.resize_points(np.concatenate(found), (self.cells, self.cells), samples.sizes[:, None])
        )
        error = np.abs(geometry.all_lengths(points) - geometry.all_lengths(samples.points))
        in_unit = (error * samples.unit_per_px[:, None]).mean(axis=0)
        unit = self.settings["unit"]
        return {
            "validation_loss": float(np.sum(losses) / len(samples)),
            **{
                f"validation_{length}_mae_{unit}": float(v) for length, v in zip(geometry.LENGTHS, in_unit, strict=True)
            },
            "validation_relative_error": float((error / geometry.all_lengths(samples.points)).mean()),
        }

    def _decode(self, outputs: torch.Tensor) -> np.ndarray:
        if self.settings["kind"] == "direct":
            return outputs.cpu().numpy() * self.cells - 0.5
        scores = heatmap_scores(outputs, self.settings["loss"]).cpu().numpy()
        return heatmaps.decode(scores, self.settings["decoder"], self.sigma_cells)[0]

    def _keep_best(self, epoch: int, row: dict) -> None:
        """Keep the weights with the lowest mean relative error of the three lengths on the validation images."""
        error = row.get("validation_relative_error")
        if error is not None and error < self.best["error"]:
            state = {key: value.detach().cpu().clone() for key, value in self.average.state_dict().items()}
            self.best = {"error": error, "epoch": epoch, "state": state}

    def _save_checkpoint(self) -> None:
        with atomic_path(self.checkpoint) as temporary:
            torch.save(
                {
                    "identity": self.identity,
                    "network": self.network.state_dict(),
                    "average": self.average.state_dict(),
                    "optimizer": self.optimizer.state_dict(),
                    "steps": self.steps,
                    "history": self.history,
                    "best": self.best,
                },
                temporary,
            )

    def _resume(self) -> None:
        if not self.checkpoint.exists():
            return
        try:
            state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        except Exception as error:  # a damaged file must cost a restart, not the run
            logging.warning("%s cannot be read (%s); training starts anew", self.checkpoint, error)
            return
        if state["identity"] != self.identity:
            logging.info("%s belongs to other data or settings; training starts anew", self.checkpoint)
            return
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps, self.history, self.best = state["steps"], state["history"], state["best"]
        logging.info("going on after epoch %d of an interrupted training", len(self.history))
