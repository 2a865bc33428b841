"""Time an epoch: ours, the reference's network in our engine, and a plain loop over it as the reference has it."""

import logging
import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from fetal_biometry import job
from fetal_biometry.cache import Shards, write_shard
from fetal_biometry.geometry import ellipse_landmarks, resize_points, squeeze
from fetal_biometry.heatmaps import encode
from fetal_biometry.images import read_grey
from fetal_biometry.networks import build_network
from fetal_biometry.phantom import draw_phantom, plan_phantoms
from fetal_biometry.timing import interleave, spread, times_faster
from fetal_biometry.training import Samples, Trainer, choose_device, choose_precision, describe_architecture

PRODUCT = 2048  # rows and columns of the matrix product that stands for what the processor can do


class PlainLoop:
    """The reference's training step: each image decoded and resized anew, its heatmaps drawn anew, float32."""

    def __init__(self, settings: dict, paths: list, points: np.ndarray, sizes: np.ndarray):
        self.settings, self.paths, self.points, self.sizes = settings, paths, points, sizes
        self.network = build_network(describe_architecture(settings)).train()
        self.optimizer = torch.optim.Adam(self.network.parameters(), settings["learning_rate"])

    def __call__(self) -> int:
        size, batch = self.settings["image_size"], self.settings["batch_size"]
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
            loss.item()
        return len(self.paths)


class Epoch:
    """An epoch of an experiment, by the workflow's own trainer."""

    def __init__(self, settings: dict, samples: Samples, folder: Path):
        nobody = replace(samples, names=[])
        self.trainer = Trainer(settings, samples, nobody, folder / "checkpoint.pt", "bench")

    def __call__(self) -> int:
        self.trainer.run_epoch(1)
        return len(self.trainer.training)

    def operations(self) -> int:
        """Floating-point operations an image, forward and back, additions and multiplications counted."""
        size = self.trainer.settings["image_size"]
        images = torch.zeros((2, 1, size, size), dtype=torch.uint8)
        network = build_network(describe_architecture(self.trainer.settings)).train()
        with FlopCounterMode(display=False) as counter:
            network(images).sum().backward()
        return counter.get_total_flops() // len(images)


def product(precision: torch.dtype):
    """A matrix product of that precision, whose items are floating-point operations."""
    one, other = (torch.randn(PRODUCT, PRODUCT).to(precision) for _ in range(2))

    def work() -> int:
        for _ in range(4):
            one @ other
        return 4 * 2 * PRODUCT**3

    return work


def make_samples(folder: Path, count: int, settings: dict):
    """Phantoms as files and as the workflow caches them: their paths, and samples to train on."""
    phantoms = plan_phantoms(count, seed=1)
    paths = [folder / phantom.image_name for phantom in phantoms]
    for phantom, path in zip(phantoms, paths, strict=True):
        cv2.imwrite(str(path), draw_phantom(phantom))
    points = np.array(
        [ellipse_landmarks((p.centre_x, p.centre_y), p.semi_long_px, p.semi_short_px, p.angle_rad) for p in phantoms]
    )
    sizes = np.array([(phantom.width_px, phantom.height_px) for phantom in phantoms])
    index = [{"image_name": phantom.image_name} for phantom in phantoms]
    cache_size, cells = settings["cache_size"], settings["image_size"] // settings["stride"]
    heatmaps = encode(
        resize_points(points, sizes[:, None], (cells, cells)), cells, settings["sigma_px"] / settings["stride"]
    )
    squeezed = (squeeze(read_grey(path), cache_size) for path in paths)
    write_shard(folder / "images.npy", index, squeezed, (cache_size, cache_size), np.uint8)
    write_shard(folder / "heatmaps.npy", index, heatmaps, heatmaps.shape[1:], np.float16)
    samples = Samples(
        [phantom.image_name for phantom in phantoms], points, np.ones(count), np.zeros(count, dtype=bool), sizes,
        np.ones(count), Shards([folder / "images.npy"]), Shards([folder / "heatmaps.npy"]),
    )  # fmt: skip
    return paths, samples


def measure(settings: dict[str, dict], images: int, rounds: int, threads: int) -> dict:
    """Seconds an image of each contender, ratios within a round, and the share of what the processor can do.

    `settings` are the knobs of experiments by name, among them the ``reference``.
    """
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as name:
        epochs = {}
        for experiment, knobs in settings.items():
            folder = Path(name) / experiment
            folder.mkdir()
            paths, samples = make_samples(folder, images, knobs)
            epochs[experiment] = Epoch(knobs, samples, folder)
            if experiment == "reference":
                plain = PlainLoop(knobs, paths, samples.points, samples.sizes)
        precision = choose_precision("auto", choose_device("cpu"))
        products = {str(kind).removeprefix("torch."): product(kind) for kind in {torch.float32, precision}}
        contenders = {"plain": plain, **epochs}
        seconds = interleave(contenders | products, rounds)
        operations = {experiment: epoch.operations() for experiment, epoch in epochs.items()}
    peaks = {kind: spread(1e-9 / seconds[kind]) for kind in products}
    fastest = str(precision).removeprefix("torch.")
    return {
        "images": images,
        "rounds": rounds,
        "threads": threads,
        "precision": fastest,
        "seconds_an_image": {name: spread(seconds[name]) for name in contenders},
        "times_faster_than_plain": {
            name: times_faster(seconds, "plain", name) for name in contenders if name != "plain"
        },
        "product_gflops": peaks,
        "gflop_an_image": {name: count / 1e9 for name, count in operations.items()},
        "share_of_product": {name: spread(operations[name] * seconds[fastest] / seconds[name]) for name in operations},
    }


if __name__ == "__main__":
    with job.start(snakemake):
        params = snakemake.params
        settings = {name: {**knobs, "device": "cpu"} for name, knobs in params.settings.items()}
        result = measure(settings, params.images, params.rounds, snakemake.threads)
        job.write_json(result, snakemake.output.result)
        faster = result["times_faster_than_plain"]
        logging.info("an epoch %.0f times faster than the plain loop's", faster["ours"]["median"])
