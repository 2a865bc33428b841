"""Whether what was found is a head: a small network looks at the picture around it, see `model.surroundings`.

It is fitted after the networks that find heads, on heads that these did not train on and on images without a head, and
travels in the model's calibration.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import onnxruntime
import pandas as pd

from fetal_biometry.model.surroundings import SURROUNDINGS, from_text
from fetal_biometry.terms import HEAD

_PARTS = 4  # of the groups: the odds of each are those of a network of the other three
_PASSING_OTHERS = 0.02  # share of images without a head that are taken for one without a flag
_REFUSED_HEADS = 0.005  # share of heads that are taken for none
_FEWEST = 5  # heads, and images without one, below which nothing can be told
HOME, DRAWN = "home {}", "drawn {}"  # names of groups
_SHARES = {(True, HOME): 0.35, (True, ""): 0.15, (False, ""): 0.35, (False, DRAWN): 0.15}  # in the training


@dataclass(frozen=True)
class HeadPresence:
    """A fitted classifier: ``network``, an ONNX file as text, and two limits of the logarithm of the odds of a head.

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


def network_odds(network: str, unrolled: np.ndarray) -> np.ndarray:
    """Of surroundings (N, 28, 48), (N,)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(base64.b64decode(network), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"surroundings": unrolled})[0].astype(float)
