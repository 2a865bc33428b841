"""Time an image from its file to millimetres, beside decoding alone and the reference's tester."""

import itertools
import logging
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch

from draw_phantoms import write_phantom
from fetal_biometry import job
from fetal_biometry.data.phantom import plan_phantoms
from fetal_biometry.images.raster import read_grey, read_squeezed
from fetal_biometry.measure.biometry import reported_lengths
from fetal_biometry.model import heatmaps
from fetal_biometry.model.geometry import squeeze
from fetal_biometry.model.inference import BATCH, Predictor
from fetal_biometry.model.landmarks import canonical
from fetal_biometry.model.networks import build_networks
from fetal_biometry.model.training import describe_architecture
from fetal_biometry.model.views import to_original, whole_views
from fetal_biometry.report.timing import interleave, run_costs, spread, times_faster

RESIDENT = """
import sys
import numpy as np
from fetal_biometry.model.inference import Predictor
predictor, batch = Predictor(sys.argv[1]), int(sys.argv[3])
sizes = np.tile([800, 540], (batch, 1))
image = np.load(sys.argv[4])
for _ in range(0, int(sys.argv[2]), batch):
    predictor.locate(np.stack([image] * batch), sizes)
"""


def decode_only(paths):
    """Image files to grey arrays, and nothing else: what no measuring program can do without."""

    def work() -> int:
        for path in paths:
            read_grey(path)
        return len(paths)

    return work


def ours(paths, predictor: Predictor, pixel_size: np.ndarray, threads: int):
    """Image files to lengths in mm by the exported model, decoded while the network looks at those before."""

    def work() -> int:
        images = read_squeezed(paths, predictor.cache_size, threads)
        for start in range(0, len(paths), BATCH):
            seen, sizes = zip(*itertools.islice(images, BATCH), strict=True)
            points, _ = predictor.locate(np.stack(seen), np.array(sizes))
            reported_lengths(points, pixel_size[start : start + BATCH], "outer_to_outer")
        return len(paths)

    return work


def reference(paths, settings: dict, pixel_size: np.ndarray):
    """The reference's tester: one image after the other, float32 PyTorch, the brightest cell of each heatmap."""
    (network,), size = build_networks(describe_architecture(settings)).eval(), settings["image_size"]

    @torch.no_grad()
    def work() -> int:
        for path, millimetres in zip(paths, pixel_size, strict=True):
            image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            seen = torch.from_numpy(cv2.resize(image, (size, size)))[None, None]
            cells, _ = heatmaps.decode(torch.sigmoid(network(seen)).numpy(), "argmax", settings["sigma_px"])
            points = canonical(to_original(whole_views(np.array([image.shape[::-1]])), cells, size))
            reported_lengths(points, np.array([millimetres]), "outer_to_outer")
        return len(paths)

    return work


def resident_mib(model: str, images: int, image: Path) -> float:
    """Peak memory of a process that measures that many images."""
    command = [sys.executable, "-c", RESIDENT, model, str(images), str(BATCH), str(image)]
    return run_costs(command, image.with_suffix(".log"), env={"PYTHONPATH": str(Path(__file__).parent)})["mib"]


def measure(model: str, settings: dict, images: int, rounds: int, threads: int, many: list[int]) -> dict:
    """Milliseconds an image of each contender, ratios within a round, and peak memory by number of images."""
    torch.set_num_threads(threads)
    predictor = Predictor(model, threads)
    with tempfile.TemporaryDirectory() as name:
        phantoms = plan_phantoms(images, seed=1)
        paths = [write_phantom(phantom, name) for phantom in phantoms]
        pixel_size = np.array([phantom.pixel_size_mm for phantom in phantoms])
        contenders = {
            "decode": decode_only(paths),
            "ours": ours(paths, predictor, pixel_size, threads),
            "reference": reference(paths, settings, pixel_size),
        }
        seconds = interleave(contenders, rounds)
        cached = Path(name) / "cached.npy"
        np.save(cached, squeeze(read_grey(paths[0]), predictor.cache_size))
        resident = {str(count): resident_mib(model, count, cached) for count in many}
    return {
        "images": images,
        "rounds": rounds,
        "threads": threads,
        "model": Path(model).name,
        "milliseconds_an_image": {name: spread(1000 * values) for name, values in seconds.items()},
        "times_decoding": times_faster(seconds, "ours", "decode"),
        "times_faster_than_reference": times_faster(seconds, "reference", "ours"),
        "resident_mib": resident,
    }


if __name__ == "__main__":
    with job.start(snakemake):
        params = snakemake.params
        settings, many = params.reference, params.resident
        result = measure(snakemake.input.model, settings, params.images, params.rounds, snakemake.threads, many)
        job.write_json(result, snakemake.output.result)
        logging.info("%.1f times the time of decoding alone", result["times_decoding"]["median"])
