"""Whether what was found is a head: a small network looks at its surroundings, see `model.surroundings`.

It travels in the model's calibration; `learn_presence` trains it.
"""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass

import numpy as np
import onnxruntime
import pandas as pd

from fetal_biometry.frames import points_of
from fetal_biometry.model.geometry import head_lengths
from fetal_biometry.model.surroundings import SPAN, SURROUNDINGS, from_text

_LEAST = 0.005  # of numbers whose logarithm counts


@dataclass(frozen=True)
class HeadPresence:
    """A trained classifier: ``network``, an ONNX file as text, and two limits of the logarithm of the odds of a head.

    Below ``faint`` a head is flagged, below ``none`` there is no head.
    """

    network: str
    faint: float
    none: float

    def odds(self, found: pd.DataFrame) -> np.ndarray:
        """Logarithm of the odds that each image of a landmark table shows a head, (N,)."""
        return network_odds(self.network, found)

    def as_dict(self) -> dict:
        """Plain values, fit for JSON."""
        return asdict(self)


def presence_of(calibration: dict) -> HeadPresence | None:
    """The classifier of a model's calibration; None of one without."""
    return HeadPresence(**calibration["presence"]) if "presence" in calibration else None


def numbers_of(found: pd.DataFrame) -> np.ndarray:
    """What the network reads beside the picture, (N, 7), float32: how the head was found, its shape and size.

    Where a network that finds heads does not give a number, it is 0.
    """
    bpd, ofd = head_lengths(points_of(found))
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithms = [np.log(np.maximum(found[name].astype(float), _LEAST)) for name in ("disagreement", "moved", SPAN)]
        ratio = np.log(bpd / ofd)
    numbers = np.column_stack([found[["confidence", "height", "blur"]].astype(float), *logarithms, ratio])
    return np.where(np.isfinite(numbers), numbers, 0).astype(np.float32)


def network_odds(network: str, found: pd.DataFrame) -> np.ndarray:
    """Logarithm of the odds of a head, (N,), of a landmark table."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(base64.b64decode(network), options, providers=["CPUExecutionProvider"])
    given = {"surroundings": from_text(found[SURROUNDINGS]), "numbers": numbers_of(found)}
    return session.run(None, given)[0].astype(float)
