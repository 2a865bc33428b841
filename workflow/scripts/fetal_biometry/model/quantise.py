"""An exported network that calculates in 8-bit integers, which many processors multiply several times as fast."""

import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from fetal_biometry.job import atomic_path
from fetal_biometry.model.detection import find_heads
from fetal_biometry.model.geometry import all_lengths
from fetal_biometry.model.graphs import save_model
from fetal_biometry.model.inference import Predictor

_LAYERS = ["Conv", "Relu", "MaxPool", "Concat", "Resize", "Add"]
_BATCH = 8


class _Seen(CalibrationDataReader):
    """The views that a network was shown, from which the ranges of its layers are learned."""

    def __init__(self, views: np.ndarray):
        self.batches = iter(views[start : start + _BATCH, None] for start in range(0, len(views), _BATCH))

    def get_next(self):
        batch = next(self.batches, None)
        return None if batch is None else {"images": batch}


def quantise(path, networks: list[onnx.ModelProto], images: np.ndarray, sizes: np.ndarray) -> float:
    """Turn an exported model's convolutions into 8-bit ones, by what they see in some images; in place.

    Weights have 7 bits a channel, since processors without instructions for it add up products of 8-bit ones in 16
    bits, which overflow. The first and the last convolution, which cost little, stay as they are, and so do the maps:
    a heatmap's highest cell is some 0.05, so that 8 bits up to 1, the filled head's, would leave it a dozen levels.

    Parameters
    ----------
    path : path
        ``network.onnx`` of this workflow, of ``kind: heatmap``.
    networks : list of onnx.ModelProto
        The network of each look, as they are in that file.
    images : ndarray of shape (N, C, C), uint8
        As cached; some that the networks were trained on.
    sizes : ndarray of shape (N, 2)
        Width and height of the originals.

    Returns
    -------
    float
        Median change of a length in these images, as a share of it.
    """
    exact, seen = Predictor(path), [[] for _ in networks]

    def draw(views: np.ndarray, look: int) -> np.ndarray:
        seen[min(look, len(networks) - 1)].append(views)
        return exact.outputs(views, look)

    before, _ = find_heads(draw, images, sizes, exact.metadata)
    rough = [_quantise(network, np.concatenate(views)) for network, views in zip(networks, seen, strict=True)]
    with atomic_path(path) as whole:
        save_model(rough, exact.metadata, whole)
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
    """Convolutions from the image and to the maps, what a gate goes by, and all that is made of these."""
    shapes = {weights.name: weights.dims for weights in graph.initializer}
    ends, maps = [], set()
    for node in graph.node:  # each one after those whose output it takes
        shape = shapes[node.input[1]] if node.op_type == "Conv" else None
        if maps.intersection(node.input) or (shape and shape[0] <= 5) or node.op_type == "ReduceMax":
            maps.update(node.output)
            ends.append(node.name)
        elif shape and shape[1] == 1:
            ends.append(node.name)
    return ends
