"""Time an image from its file to millimetres, beside decoding alone and a plain program."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from fetal_biometry.bench.plain import plain_tester
from fetal_biometry.bench.settings import BenchSettings
from fetal_biometry.bench.timing import interleave, spread
from fetal_biometry.data.phantom import plan_phantoms
from fetal_biometry.data.phantom_files import write_phantom
from fetal_biometry.images.image_ref import ImageRef
from fetal_biometry.images.raster import prepare_images, read_grey
from fetal_biometry.measure.biometry import outer_lengths
from fetal_biometry.model.inference import BATCH, Predictor
from fetal_biometry.processor import usable_cores
from fetal_biometry.recipe import Recipe
from fetal_biometry.terms import Calliper


def time_inference(model: str, baseline: Recipe, image_size: int, settings: BenchSettings) -> dict:
    """PNG to mm by an exported model, beside decoding and beside the plain program of the baseline."""
    threads = usable_cores()
    torch.set_num_threads(threads)
    predictor = Predictor(model, threads)
    with tempfile.TemporaryDirectory() as name:
        phantoms = plan_phantoms(settings.images, seed=1)
        paths = [write_phantom(phantom, name) for phantom in phantoms]
        pixel_size = np.array([phantom.pixel_size_mm for phantom in phantoms])
        contenders = {
            "decode": decoder(paths),
            "ours": measurer(paths, predictor, pixel_size, threads),
            "plain": plain_tester(baseline, image_size, paths, pixel_size),
        }
        seconds = interleave(contenders, settings.rounds)
    return {
        "decoding_ms": spread(1000 * seconds["decode"]),
        "file_to_mm_ms": spread(1000 * seconds["ours"]),
        "file_to_mm_over_decoding": spread(seconds["ours"] / seconds["decode"]),
        "file_to_mm_times_faster": spread(seconds["plain"] / seconds["ours"]),
    }


def decoder(paths: list[Path]) -> Callable[[], int]:
    """A contender: image files to grey arrays and nothing else, which every measuring program has to do."""

    def work() -> int:
        for path in paths:
            read_grey(ImageRef(path))
        return len(paths)

    return work


def measurer(paths: list[Path], predictor: Predictor, pixel_size: np.ndarray, threads: int) -> Callable[[], int]:
    """A contender: image files to mm by an exported model; images are decoded while the network reads earlier ones."""

    def work() -> int:
        images = prepare_images(map(ImageRef, paths), predictor.prepared_size, threads)
        for start in range(0, len(paths), BATCH):
            batch = list(itertools.islice(images, BATCH))
            sizes = np.array([(image.width, image.height) for image in batch])
            points, _ = predictor.locate(np.stack([image.pixels for image in batch]), sizes)
            outer_lengths(points, pixel_size[start : start + BATCH], Calliper.OUTER_TO_OUTER)
        return len(paths)

    return work
