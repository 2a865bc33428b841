"""Whether what was found is a head: a small network looks at its surroundings, see `model.surroundings`.

It travels in the model's calibration; `learn_presence` trains it.
"""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass

import numpy as np
import onnxruntime
import pandas as pd

from fetal_biometry.model.surroundings import SURROUNDINGS, from_text


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
        return network_odds(self.network, from_text(found[SURROUNDINGS]))

    def as_dict(self) -> dict:
        """Plain values, fit for JSON."""
        return asdict(self)


def presence_of(calibration: dict) -> HeadPresence | None:
    """The classifier of a model's calibration; None of one without."""
    return HeadPresence(**calibration["presence"]) if "presence" in calibration else None


def network_odds(network: str, unrolled: np.ndarray) -> np.ndarray:
    """Logarithm of the odds of a head, (N,), of surroundings (N, 28, 48), uint8."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(base64.b64decode(network), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"surroundings": unrolled})[0].astype(float)
