"""Time an epoch: ours, the reference's network in our engine, and a plain loop over it as the reference has it."""

import logging
import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from draw_phantoms import write_phantom
from fetal_biometry import job
from fetal_biometry.data.phantom import Phantom, plan_phantoms, true_landmarks
from fetal_biometry.images.cache import Shards, write_shard
from fetal_biometry.images.raster import read_squeezed
from fetal_biometry.model.geometry import resize_points
from fetal_biometry.model.heatmaps import encode
from fetal_biometry.model.networks import build_networks
from fetal_biometry.model.training import Samples, Trainer, choose_device, choose_precision, describe_architecture
from fetal_biometry.report.timing import interleave, spread, times_faster

PRODUCT = 2048  # rows and columns of the matrix product that stands for what the processor can do
COPIED = 1 << 24  # bytes


class PlainLoop:
    """The reference's training step: each image decoded and resized anew, its heatmaps drawn anew, float32."""

    def __init__(self, settings: dict, paths: list, points: np.ndarray, sizes: np.ndarray):
        self.settings, self.paths, self.points, self.sizes = settings, paths, points, sizes
        (self.network,) = build_networks(describe_architecture(settings)).train()
        self.optimizer = torch.optim.Adam(self.network.parameters(), settings["learning_rate"])

    def __call__(self) -> int:
        self.run_epoch()
        return len(self.paths)

    def run_epoch(self) -> list[float]:
        """The loss of each batch, in the order of the images."""
        size, batch, losses = self.settings["image_size"], self.settings["batch_size"], []
        y, x = np.mgrid[:size, :size]
        for start in range(0, len(self.paths), batch):
            rows = range(start, min(start + batch, len(self.paths)))
            images = [cv2.resize(cv2.imread(str(self.paths[i]), cv2.IMREAD_GRAYSCALE), (size, size)) for i in rows]
            places = resize_points(self.points[rows], self.sizes[rows][:, None], (size, size))
            targets = [
                [np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * self.settings["sigma_px"] ** 2)) for px, py in four]
                for four in places
            ]
            found = torch.sigmoid(self.network(torch.from_numpy(np.stack(images)[:, None])))
            loss = (found - torch.from_numpy(np.array(targets, dtype=np.float32))).square().mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            losses.append(loss.item())
        return losses


class Epoch:
    """An epoch of an experiment, by the workflow's own trainer."""

    def __init__(self, settings: dict, samples: Samples, folder: Path):
        nobody = replace(samples, names=[])
        self.trainer = Trainer(settings, samples, nobody, folder / "checkpoint.pt", "bench")

    def __call__(self) -> int:
        self.trainer.run_epoch(1)
        return len(self.trainer.training)

    def draw_views(self) -> int:
        """What the last network is shown in an epoch, without its looking."""
        samples, size = self.trainer.training, self.trainer.settings["batch_size"]
        rng = np.random.default_rng(1)
        for start in range(0, len(samples), size):
            batch = np.arange(start, min(start + size, len(samples)))
            self.trainer.load(samples, batch, len(self.trainer.networks) - 1, rng)
        return len(samples)

    def work(self) -> list[tuple[int, int, torch.dtype]]:
        """Operations, bytes and precision of everything that torch does in an epoch."""
        with Work() as work:
            self.trainer.run_epoch(1)
        return work.done


class Work(TorchDispatchMode):
    """Takes down what each operation of torch computes and moves."""

    def __init__(self):
        super().__init__()
        self.done: list[tuple[int, int, torch.dtype]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, out)) if isinstance(leaf, torch.Tensor)]
        if tensors and not func.is_view:
            count = flop_registry.get(func.overloadpacket)
            operations = count(*args, **(kwargs or {}), out_val=out) if count else 0
            moved = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
            self.done.append((operations, moved, tensors[0].dtype))
        return out


def product(precision: torch.dtype):
    """A matrix product of that precision, whose items are floating-point operations."""
    one, other = (torch.randn(PRODUCT, PRODUCT).to(precision) for _ in range(2))

    def work() -> int:
        for _ in range(4):
            one @ other
        return 4 * 2 * PRODUCT**3

    return work


def copying():
    """Copies as large as a batch's activations, whose items are bytes, read and written."""
    source, target = torch.ones(COPIED // 4), torch.zeros(COPIED // 4)

    def work() -> int:
        for _ in range(32):
            target.copy_(source)
        return 32 * 2 * COPIED

    return work


def roofline(work: list, seconds_an_operation: dict, seconds_a_byte: float) -> dict:
    """Seconds that work takes at best, where each operation waits for the processor or for memory.

    Williams et al., Commun ACM 2009. Operations of other precisions than those timed count as float32.
    """
    slowest = seconds_an_operation[torch.float32]
    computing = np.array([count * seconds_an_operation.get(kind, slowest) for count, _, kind in work])
    moving = np.array([moved * seconds_a_byte for _, moved, _ in work])
    return {"seconds": float(np.maximum(computing, moving).sum()), "computing": float(computing.sum()),
            "moving": float(moving.sum())}  # fmt: skip


def make_samples(folder: Path, phantoms: list[Phantom], paths: list[Path], settings: dict) -> Samples:
    """Phantoms as the workflow caches them for an experiment, to train on."""
    points, count = true_landmarks(phantoms), len(phantoms)
    sizes = np.array([(phantom.width_px, phantom.height_px) for phantom in phantoms])
    index = [{"image_name": phantom.image_name} for phantom in phantoms]
    cache_size, cells = settings["cache_size"], settings["image_size"] // settings["stride"]
    heatmaps = encode(
        resize_points(points, sizes[:, None], (cells, cells)), cells, settings["sigma_px"] / settings["stride"]
    )
    squeezed = (image for image, _ in read_squeezed(paths, cache_size))
    write_shard(folder / "images.npy", index, squeezed, (cache_size, cache_size), np.uint8)
    write_shard(folder / "heatmaps.npy", index, heatmaps, heatmaps.shape[1:], np.float16)
    return Samples(
        [phantom.image_name for phantom in phantoms], points, np.ones(count), np.zeros(count, dtype=bool), sizes,
        np.ones(count), Shards([folder / "images.npy"]), Shards([folder / "heatmaps.npy"]),
    )  # fmt: skip


def measure(settings: dict[str, dict], images: int, rounds: int, threads: int) -> dict:
    """Seconds an image of each contender, ratios within a round, and the share of what the processor can do.

    `settings` are the knobs of experiments by name, among them the ``reference``.
    """
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as name:
        phantoms, epochs = plan_phantoms(images, seed=1), {}
        paths = [write_phantom(phantom, name) for phantom in phantoms]
        for experiment, knobs in settings.items():
            folder = Path(name) / experiment
            folder.mkdir()
            samples = make_samples(folder, phantoms, paths, knobs)
            epochs[experiment] = Epoch(knobs, samples, folder)
            if experiment == "reference":
                plain = PlainLoop(knobs, paths, samples.points, samples.sizes)
        precision = choose_precision("auto", choose_device("cpu"))
        kinds = {torch.float32, precision}
        contenders = {"plain": plain, **epochs}
        parts = {kind: product(kind) for kind in kinds} | {"copy": copying(), "views": epochs["ours"].draw_views}
        seconds = interleave(contenders | parts, rounds)
        work = {experiment: epoch.work() for experiment, epoch in epochs.items()}
    medians = {name: float(np.median(values)) for name, values in seconds.items()}
    operations = {name: sum(count for count, _, _ in done) / images for name, done in work.items()}
    best = {
        name: roofline(done, {kind: medians[kind] for kind in kinds}, medians["copy"]) for name, done in work.items()
    }
    return {
        "images": images,
        "rounds": rounds,
        "threads": threads,
        "precision": _name(precision),
        "seconds_an_image": {name: spread(seconds[name]) for name in contenders},
        "times_faster_than_plain": {name: times_faster(seconds, "plain", name) for name in epochs},
        "share_of_views": spread(seconds["views"] / seconds["ours"]),
        "product_gflops": {_name(kind): spread(1e-9 / seconds[kind]) for kind in kinds},
        "copy_gigabytes_a_second": spread(1e-9 / seconds["copy"]),
        "gflop_an_image": {name: count / 1e9 for name, count in operations.items()},
        "share_of_product": {name: spread(operations[name] * medians[precision] / seconds[name]) for name in epochs},
        "roofline_seconds_an_image": {
            name: {key: value / images for key, value in times.items()} for name, times in best.items()
        },
        "share_of_roofline": {name: spread(best[name]["seconds"] / images / seconds[name]) for name in epochs},
    }


def _name(kind: torch.dtype) -> str:
    return str(kind).removeprefix("torch.")


if __name__ == "__main__":
    with job.start(snakemake):
        params = snakemake.params
        settings = {name: {**knobs, "device": "cpu"} for name, knobs in params.settings.items()}
        result = measure(settings, params.images, params.rounds, snakemake.threads)
        job.write_json(result, snakemake.output.result)
        faster = result["times_faster_than_plain"]
        logging.info("an epoch %.0f times faster than the plain loop's", faster["ours"]["median"])
