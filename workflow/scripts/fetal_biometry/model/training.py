"""Train a network on prepared images; every epoch leaves a checkpoint from which the same training goes on."""

from __future__ import annotations

import io
import logging
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

from fetal_biometry.errors import InputError
from fetal_biometry.job import Progress, atomic_path
from fetal_biometry.model import detection, geometry
from fetal_biometry.model.losses import drawn_maps, training_loss
from fetal_biometry.model.networks import build_network, count_parameters, describe_architecture
from fetal_biometry.model.samples import Samples
from fetal_biometry.model.views import whole_views
from fetal_biometry.recipe import TrainingRecipe
from fetal_biometry.terms import LENGTHS


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
    fast = features.get("avx512_bf16") or features.get("amx_bf16")
    wide = torch.backends.cpu.get_cpu_capability() == "AVX512"  # not where ATEN_CPU_CAPABILITY limits torch
    return torch.bfloat16 if fast and wide else torch.float32


def save(value, path) -> None:
    """`torch.save`, whole or not at all; in memory first, for torch does not tell why a disk takes no more."""
    written = io.BytesIO()
    torch.save(value, written)
    with atomic_path(path) as temporary:
        temporary.write_bytes(written.getvalue())


class Trainer:
    """One training: epochs of steps, an average of the weights, the best epoch, a checkpoint.

    Parameters
    ----------
    recipe : TrainingRecipe
    training, validation : Samples
        `validation` may be empty: the last epoch is then kept, as with ``training.keep: last``.
    checkpoint : path
        Where the state after each epoch lies; removed once the model is exported.
    identity : str
        Digest of everything the training depends on; a checkpoint of another identity is ignored.
    """

    def __init__(
        self,
        recipe: TrainingRecipe,
        training: Samples,
        validation: Samples,
        checkpoint,
        identity: str,
    ):
        self.recipe, self.settings, self.image_size = recipe, recipe.training, training.images.shape[-1]
        self.training, self.validation = training, validation
        self.checkpoint, self.identity = Path(checkpoint), identity
        self.device = choose_device(self.settings.device)
        self.precision = choose_precision(self.settings.precision, self.device)
        torch.manual_seed(self.settings.seed)
        self.network = self._build()
        self.average = self._build(self.network.state_dict())
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), self.settings.learning_rate, weight_decay=self.settings.weight_decay, fused=True
        )
        self.steps = 0
        self.history: list[dict] = []
        self.best: dict = {"error": float("inf"), "epoch": 0, "state": {}}

    def run(self) -> None:
        """Train to the last epoch, from the checkpoint where there is a fitting one."""
        self._resume()
        epochs = self.settings.epochs
        logging.info(
            "%d training and %d validation images, %.2f million parameters, %s on %s, epoch %d of %d next",
            len(self.training), len(self.validation), count_parameters(self.network) / 1e6,
            str(self.precision).removeprefix("torch."), self.device.type, len(self.history) + 1, epochs,
        )  # fmt: skip
        progress = Progress("training", epochs, len(self.history))
        for epoch in range(len(self.history) + 1, epochs + 1):
            row = self.run_epoch(epoch)
            self.history.append(row)
            self._keep_best(epoch, row)
            self._save_checkpoint()
            logging.info("epoch %d: %s", epoch, ", ".join(f"{k} {v:.5g}" for k, v in row.items() if k != "epoch"))
            progress.step(
                ", ".join(f"{k} {v:.3g}" for k, v in row.items() if k in ("train_loss", "validation_hc_mae_px"))
            )
        progress.close()

    def models(self) -> dict[str, dict]:
        """The ``best`` and the ``last`` weights with all that traces them, one where no earlier epoch was better."""
        epochs = len(self.history)
        last = self._model({key: value.cpu() for key, value in self.average.state_dict().items()}, epochs)
        earlier = self.best["state"] and self.best["epoch"] < epochs
        return {"best": self._model(self.best["state"], self.best["epoch"]) if earlier else last, "last": last}

    def run_epoch(self, epoch: int) -> dict:
        """Train for one epoch, counted from 1: its row of the history."""
        started = time.perf_counter()
        rng = np.random.default_rng([self.settings.seed, epoch])
        order, size = rng.permutation(len(self.training)), self.settings.batch_size
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

    def _build(self, state: dict | None = None) -> torch.nn.Module:
        """The recipe's network, with these weights or with random ones."""
        network = build_network(describe_architecture(self.recipe.network, self.image_size))
        if state is not None:
            network.load_state_dict(state)
        return network.to(self.device, memory_format=torch.channels_last)

    def _learning_rate(self, epochs_done: float) -> float:
        """Constant, or one cosine arc to zero after a linear rise over the first twentieth."""
        peak, total = self.settings.learning_rate, self.settings.epochs
        if self.settings.schedule == "constant":
            return peak
        rise = max(total / 20, 1e-9)
        return peak * min(1.0, (epochs_done + 0.05) / rise) * 0.5 * (1 + math.cos(math.pi * epochs_done / total))

    def _step(self, batch: np.ndarray, rng: np.random.Generator) -> float:
        images, targets = self.training.load(batch, self.recipe.augmentation, rng)
        loss = self._loss(self._forward(self.network, images), targets).mean()
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
        decay = min(self.settings.weight_average, (1 + self.steps) / (10 + self.steps))
        kept, new = (
            [value for value in (*part.parameters(), *part.buffers()) if value.is_floating_point()]
            for part in (self.average, self.network)
        )
        get_ema_multi_avg_fn(decay)(kept, new, None)

    def _forward(self, network, images: torch.Tensor) -> torch.Tensor:
        images = images.to(self.device).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, dtype=self.precision, enabled=self.precision != torch.float32):
            return network(images).float()

    def _loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return training_loss(outputs, targets.to(self.device), self.recipe.network, self.settings)

    @torch.no_grad()
    def draw(self, images: np.ndarray) -> np.ndarray:
        """Maps that the averaged network draws of (N, S, S) uint8 images, see `losses.drawn_maps`."""
        self.average.eval()
        outputs = self._forward(self.average, torch.from_numpy(np.ascontiguousarray(images[:, None])))
        return drawn_maps(outputs, self.settings.loss).cpu().numpy()

    @torch.no_grad()
    def _validate(self) -> dict:
        """Loss and length errors on the validation images, in original pixels."""
        samples = self.validation
        if not len(samples):
            return {}
        self.average.eval()
        losses, found = [], []
        for start in range(0, len(samples), self.settings.batch_size):
            batch = np.arange(start, min(start + self.settings.batch_size, len(samples)))
            images, targets = samples.load(batch)
            outputs = self._forward(self.average, images)
            losses.append(self._loss(outputs, targets).sum().item())
            found.append(self._read(outputs, samples.sizes[batch]))
        true = geometry.all_lengths(samples.points)
        error = np.abs(geometry.all_lengths(np.concatenate(found)) - true)
        lengths = {f"validation_{name}_mae_px": float(v) for name, v in zip(LENGTHS, error.mean(axis=0), strict=True)}
        relative = float((error / true).mean())
        return {
            "validation_loss": float(np.sum(losses) / len(samples)),
            **lengths,
            "validation_relative_error": relative,
        }

    def _read(self, outputs: torch.Tensor, sizes: np.ndarray) -> np.ndarray:
        """Landmarks (B, 4, 2) of a batch's outputs, without test-time augmentation."""
        network, settings = self.recipe.network, self.settings
        if network.kind == "direct":
            return detection.locate_coordinates(outputs.cpu().numpy(), sizes)
        decoder = "fused" if network.head_mask else "paired" if settings.loss == "cross_entropy" else "argmax"
        decoding = detection.Decoding(decoder, settings.sigma_px / network.stride)
        maps = drawn_maps(outputs, settings.loss).cpu().numpy()
        return detection.locate(maps, whole_views(sizes), decoding)[0]

    def _model(self, state: dict, epoch: int) -> dict:
        """Weights with all that is needed to use and to trace them."""
        return {
            "architecture": describe_architecture(self.recipe.network, self.image_size),
            "recipe": self.recipe.model_dump(),
            "image_size": self.image_size,
            "state": state,
            "epoch": epoch,
            "parameters": count_parameters(self.network),
            "seconds": float(sum(row["seconds"] for row in self.history)),
            "data_digest": self.identity,
        }

    def _keep_best(self, epoch: int, row: dict) -> None:
        """Keep the weights with the lowest mean relative error of the three lengths on the validation images."""
        error = row.get("validation_relative_error")
        if self.settings.keep == "best" and error is not None and error < self.best["error"]:
            state = {key: value.detach().cpu().clone() for key, value in self.average.state_dict().items()}
            self.best = {"error": error, "epoch": epoch, "state": state}

    def _save_checkpoint(self) -> None:
        state = {
            "identity": self.identity,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "steps": self.steps,
            "history": self.history,
            "best": self.best,
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
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps, self.history, self.best = state["steps"], state["history"], state["best"]
        logging.info("going on after epoch %d of an interrupted training", len(self.history))
