"""Trained networks on prepared images, through ONNX Runtime; torch is not needed."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

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

BATCH = 16  # beyond it ONNX Runtime gains nothing on a CPU and memory grows


class Predictor:
    """An exported model: its network with its grey scaling, and in its metadata how to read its output.

    Parameters
    ----------
    path : path
        ``model.onnx`` of this workflow.
    threads : int

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
        self.session, self.metadata = open_model(path, threads)
        self.prepared_size = self.metadata["image_size"]

    @property
    def calibration(self) -> dict:
        """What its intervals rest on, see `calibration.calibrate`; empty of a network that was not packaged."""
        return self.metadata.get("calibration", {})

    def outputs(self, images: np.ndarray) -> np.ndarray:
        """What the network makes of (N, S, S) uint8 images: maps (N, 4 or 5, H, W), or coordinates (N, 4, 2)."""
        return self.session.run(None, {"images": np.ascontiguousarray(images[:, None])})[0]

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
        return detection.find_heads(self.outputs, images, sizes, self._decoding)

    def locate_second(self, images: np.ndarray, sizes: np.ndarray, heads: np.ndarray) -> np.ndarray:
        """What lies beside heads, `second_head.SECOND_HEAD`, (N, 10); NaN for a network that draws no head mask.

        ``images`` and ``sizes`` as `locate`, ``heads`` (N, 4, 2) as it found them.
        """
        if self.metadata["decoder"] != "fused":
            return np.full((len(images), len(SECOND_HEAD)), np.nan)
        return find_second_heads(self.outputs, images, sizes, heads, self._decoding)

    @property
    def _decoding(self) -> detection.Decoding:
        keys = ("decoder", "sigma_cells", "test_time_augmentation", "closer_views")
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
