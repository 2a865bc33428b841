"""Trained networks on prepared images, through ONNX Runtime; torch is not needed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pandas as pd
from tqdm import tqdm

from fetal_biometry.model import detection
from fetal_biometry.model.geometry import contrast, without_margins
from fetal_biometry.model.onnx_file import open_model
from fetal_biometry.model.second_head import SECOND_HEAD, find_second_heads
from fetal_biometry.model.straight_edges import straight_edges
from fetal_biometry.model.surroundings import SPAN, SURROUNDINGS, as_text, unroll
from fetal_biometry.terms import COLUMNS

BATCH = 32  # beyond it memory grows and nothing is gained
_PIXELS = 4 * 320**2  # that a network sees at once; the layers of more do not stay in a processor's cache


class Predictor:
    """An exported model: its network with its grey scaling, and in its metadata how to read its output.

    Parameters
    ----------
    path : path
        ``model.onnx`` of this workflow.
    threads : int
        Each measures a share of the images. Two are a fifth faster than if both worked on each layer.

    Attributes
    ----------
    prepared_size : int
        Side of the prepared images that it takes, see `geometry.fit_square`.

    Raises
    ------
    InputError
        When the file is no ONNX model or none of this workflow.
    """

    def __init__(self, path, threads: int = 1):
        self.session, self.metadata = open_model(path)
        self.threads, self.pool = threads, ThreadPoolExecutor(threads)
        self.prepared_size = self.metadata["image_size"]

    @property
    def calibration(self) -> dict:
        """What its intervals rest on, see `calibration.calibrate`; empty of a network that was not packaged."""
        return self.metadata.get("calibration", {})

    def outputs(self, images: np.ndarray) -> np.ndarray:
        """What the network makes of (N, S, S) uint8 images: maps (N, 4 or 5, H, W), or coordinates (N, 4, 2)."""
        some = max(1, _PIXELS // images[0].size)
        parts = (np.ascontiguousarray(images[i : i + some, None]) for i in range(0, len(images), some))
        return np.concatenate([self.session.run(None, {"images": part})[0] for part in parts])

    def locate(self, images: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Landmarks of prepared images.

        Parameters
        ----------
        images : ndarray of shape (N, C, C), uint8
            As large as `prepared_size`.
        sizes : ndarray of shape (N, 2)
            Width and height of the originals.

        Returns
        -------
        points : ndarray of shape (N, 4, 2)
            In original pixels and canonical order.
        quality : ndarray of shape (N, 5)
            See `detection.find_heads`; NaN for a network that regresses coordinates, which cannot tell.
        """
        if self.metadata["kind"] == "direct":
            unknown = np.full((len(images), len(detection.QUALITY)), np.nan)
            return detection.locate_coordinates(self.outputs(images), sizes), unknown
        parts = self._spread(partial(detection.find_heads, self.outputs, decoding=self._decoding), images, sizes)
        points, quality = map(np.concatenate, zip(*parts, strict=True))
        return points, quality

    def locate_second(self, images: np.ndarray, sizes: np.ndarray, heads: np.ndarray) -> np.ndarray:
        """What lies beside heads, `second_head.SECOND_HEAD`, (N, 10); NaN for a network that draws no head mask.

        ``images`` and ``sizes`` as `locate`, ``heads`` (N, 4, 2) as it found them.
        """
        if self.metadata["decoder"] != "fused":
            return np.full((len(images), len(SECOND_HEAD)), np.nan)
        find = partial(find_second_heads, self.outputs, decoding=self._decoding)
        return np.concatenate(self._spread(find, images, sizes, heads))

    def _spread(self, work: Callable, *arrays: np.ndarray) -> list:
        """What the work makes of each thread's share of the images, in their order."""
        shares = min(self.threads, len(arrays[0]))
        return list(self.pool.map(work, *(np.array_split(array, shares) for array in arrays)))

    @property
    def _decoding(self) -> detection.Decoding:
        keys = ("decoder", "sigma_cells", "test_time_augmentation", "closer_views", "closer_size")
        return detection.Decoding(*map(self.metadata.get, keys))


def locate_all(predictor: Predictor, names, images: Iterable[np.ndarray], sizes: np.ndarray) -> pd.DataFrame:
    """Landmarks of any number of prepared images, which are taken a batch at a time.

    ``names``, ``images`` and ``sizes`` of N images, see `Predictor.locate`; a table of ``image_name``, landmarks in
    original pixels, quality features, each image's ``contrast`` and ``straight_edge``, what lies beside the head,
    `SECOND_HEAD`, its `SPAN` and its `SURROUNDINGS`.
    """
    points, quality = [np.zeros((0, 4, 2))], [np.zeros((0, len(detection.QUALITY)))]
    second, edges = [np.zeros((0, len(SECOND_HEAD)))], [np.zeros(0)]
    contrasts, around, images = [], [], iter(images)
    for start in tqdm(range(0, len(names), BATCH), desc="measuring", unit="batch", disable=None):
        batch = np.stack(list(itertools.islice(images, BATCH)))
        found, features = predictor.locate(batch, sizes[start : start + BATCH])
        points.append(found)
        quality.append(features)
        second.append(predictor.locate_second(batch, sizes[start : start + BATCH], found))
        edges.append(straight_edges(batch, sizes[start : start + BATCH], found))
        around += as_text(unroll(batch, sizes[start : start + BATCH], found))
        inside = zip(batch, sizes[start : start + BATCH], strict=True)
        contrasts += [contrast(without_margins(image, size)) for image, size in inside]
    table = pd.DataFrame({"image_name": names})
    points = np.concatenate(points)
    table[list(COLUMNS)] = points.reshape(-1, 8)
    table[list(detection.QUALITY)] = np.concatenate(quality)
    beside = pd.DataFrame(np.concatenate(second).round(4), columns=SECOND_HEAD)
    span = np.linalg.norm(points[:, 1] - points[:, 0], axis=1) / np.max(sizes, axis=1)
    table = table.assign(contrast=contrasts, straight_edge=np.concatenate(edges).round(4))
    return pd.concat([table, beside], axis=1).assign(**{SPAN: span.round(4), SURROUNDINGS: around})
