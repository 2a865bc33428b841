"""An exported network that calculates in 8-bit integers, which many processors multiply several times as fast."""

import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from fetal_biometry.model.export import save_model
from fetal_biometry.model.geometry import all_lengths
from fetal_biometry.model.inference import Predictor

IMAGES = 32  # by which 8-bit layers learn their ranges
MOST_CHANGE = 0.02  # of a length, the median, beyond which a network is not for 8-bit integers
_LAYERS = ["Conv", "Relu", "MaxPool", "Concat", "Resize", "Add"]
_BATCH = 8


class _Seen(CalibrationDataReader):
    """The images that a network was shown, from which the ranges of its layers are learned."""

    def __init__(self, views: np.ndarray):
        self.batches = iter(views[start : start + _BATCH, None] for start in range(0, len(views), _BATCH))

    def get_next(self):
        batch = next(self.batches, None)
        return None if batch is None else {"images": batch}


def quantise(path, images: np.ndarray, sizes: np.ndarray) -> float:
    """Turn an exported network's convolutions into 8-bit ones, by what they see in some images; in place.

    Weights have 7 bits a channel, since processors without instructions for it add up products of 8-bit ones in 16
    bits, which overflow. The first and the last convolution, which cost little, stay as they are, and so do the maps:
    a heatmap's highest cell is some 0.05, so that 8 bits up to 1, the mask's, would leave it a dozen levels.

    Parameters
    ----------
    path : path
        ``network.onnx`` of this workflow, of ``kind: heatmap``.
    images : ndarray of shape (N, S, S), uint8
        Prepared; some that the network was trained on.
    sizes : ndarray of shape (N, 2)
        Width and height of the originals.

    Returns
    -------
    float
        Median change of a length in these images, as a share of it.
    """
    exact = Predictor(path)
    before, _ = exact.locate(images, sizes)
    save_model(_quantise(onnx.load(path), images), exact.metadata, path)
    after, _ = Predictor(path).locate(images, sizes)
    return float(np.median(np.abs(all_lengths(after) / np.maximum(all_lengths(before), 1e-9) - 1)))


def _quantise(network: onnx.ModelProto, views: np.ndarray) -> onnx.ModelProto:
    with tempfile.TemporaryDirectory() as folder:
        plain, whole = Path(folder) / "plain.onnx", Path(folder) / "whole.onnx"
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.optimized_model_filepath = str(plain)
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        onnxruntime.InferenceSession(network.SerializeToString(), options, providers=["CPUExecutionProvider"])
        quantize_static(
            plain, whole, _Seen(views), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, reduce_range=True,
            op_types_to_quantize=_LAYERS, nodes_to_exclude=_ends(onnx.load(plain).graph),
        )  # fmt: skip
        return onnx.load(whole)


def _ends(graph: onnx.GraphProto) -> list[str]:
    """Convolutions from the image and to the maps, and all that is made of these."""
    shapes = {weights.name: weights.dims for weights in graph.initializer}
    ends, maps = [], set()
    for node in graph.node:  # each one after those whose output it takes
        shape = shapes[node.input[1]] if node.op_type == "Conv" else None
        if maps.intersection(node.input) or (shape and shape[0] <= 5):
            maps.update(node.output)
            ends.append(node.name)
        elif shape and shape[1] == 1:
            ends.append(node.name)
    return ends
