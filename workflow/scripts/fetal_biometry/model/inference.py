"""Trained networks on cached images, through ONNX Runtime; torch is not needed."""

import itertools
from collections.abc import Iterable

import numpy as np
import pandas as pd
from tqdm import tqdm

from fetal_biometry.model import detection as decoding
from fetal_biometry.model.geometry import contrast, resize_points, squeeze_all
from fetal_biometry.model.heatmaps import encode
from fetal_biometry.model.landmarks import COLUMNS
from fetal_biometry.model.onnx_file import CLOSER, open_model
from fetal_biometry.model.views import show_labelled

BATCH = 16  # beyond it ONNX Runtime gains nothing on a CPU and memory grows


class Predictor:
    """An exported model: its networks with their grey scaling, and in its metadata how to read their output.

    Parameters
    ----------
    path : path
        ``model.onnx`` of this workflow.
    threads : int

    Raises
    ------
    InputError
        When the file is no ONNX model or none of this workflow.
    """

    def __init__(self, path, threads: int = 1):
        self.session, self.metadata = open_model(path, threads)
        self.image_size, self.cache_size = self.metadata["image_size"], self.metadata["cache_size"]

    def outputs(self, images: np.ndarray, look: int = 0) -> np.ndarray:
        """What a look's network makes of (N, C, C) uint8 images: maps (N, 4 or 5, H, W), or coordinates (N, 4, 2)."""
        seen = {"images": np.ascontiguousarray(squeeze_all(images, self.image_size)[:, None])}
        if self.metadata["closeup"]:
            seen[CLOSER] = np.array(look > 0)
        return self.session.run(None, seen)[0]

    def locate(self, images: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Landmarks of squeezed images.

        Parameters
        ----------
        images : ndarray of shape (N, C, C), uint8
            As large as the model's `cache_size`.
        sizes : ndarray of shape (N, 2)
            Width and height of the originals.

        Returns
        -------
        points : ndarray of shape (N, 4, 2)
            In original pixels and canonical order.
        evidence : ndarray of shape (N, 5)
            See `decoding.find_heads`; NaN for a network that regresses coordinates, which cannot tell.
        """
        if self.metadata["kind"] == "direct":
            unknown = np.full((len(images), len(decoding.EVIDENCE)), np.nan)
            return decoding.locate_coordinates(self.outputs(images), sizes), unknown
        return decoding.find_heads(self.outputs, images, sizes, self.metadata)

    def own_loss(self, images: np.ndarray, sizes: np.ndarray, points: np.ndarray) -> np.ndarray:
        """The landmarks' part of the loss that the network of the last look was trained with, an image at a time, (N,).

        Takes ``images`` and ``sizes`` as `locate`, and the labels, ``points`` (N, 4, 2) in original pixels.
        """
        seen, places = show_labelled(images, sizes, points, self.metadata["closeup"], self.image_size)
        found = self.outputs(seen, look=1)[:, :4].astype(float)
        if self.metadata["kind"] == "direct":
            targets = (places + 0.5) / self.image_size
        else:
            cells, square = found.shape[-1], (self.image_size, self.image_size)
            grid = resize_points(places, square, (cells, cells))
            targets = encode(grid, cells, self.metadata["sigma_cells"]).astype(float)
        if self.metadata["loss"] == "mse":
            axes = tuple(range(1, found.ndim))
            return ((found - targets) ** 2).mean(axis=axes)
        mass = targets / np.maximum(targets.sum(axis=(2, 3), keepdims=True), 1e-12)
        return -(mass * np.log(np.maximum(found, 1e-30))).sum(axis=(2, 3)).mean(axis=1)


def locate_all(predictor: Predictor, names, images: Iterable[np.ndarray], sizes: np.ndarray) -> pd.DataFrame:
    """Landmarks of any number of squeezed images, which are taken a batch at a time.

    ``names``, ``images`` and ``sizes`` of N images, see `Predictor.locate`; a table of ``image_name``, landmarks in
    original pixels, evidence, and each image's ``contrast``.
    """
    points, evidence = [np.zeros((0, 4, 2))], [np.zeros((0, len(decoding.EVIDENCE)))]
    contrasts, images = [], iter(images)
    for start in tqdm(range(0, len(names), BATCH), desc="measuring", unit="batch", disable=None):
        batch = np.stack(list(itertools.islice(images, BATCH)))
        found, doubts = predictor.locate(batch, sizes[start : start + BATCH])
        points.append(found)
        evidence.append(doubts)
        contrasts += map(contrast, batch)
    table = pd.DataFrame({"image_name": names})
    table[list(COLUMNS)] = np.concatenate(points).reshape(-1, 8)
    table[list(decoding.EVIDENCE)] = np.concatenate(evidence)
    return table.assign(contrast=contrasts)
