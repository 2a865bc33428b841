"""ONNX graphs of exported networks: smaller, and those of several looks in one file."""

import json

import numpy as np
import onnx

from fetal_biometry.exported import CLOSER, METADATA


def halve(graph: onnx.GraphProto) -> None:
    """Store weights as float16, turned back into float32 when the file is opened: half the size."""
    casts = []
    for weights in graph.initializer:
        values = onnx.numpy_helper.to_array(weights)
        if values.dtype == np.float32 and values.ndim > 1:
            name = weights.name
            weights.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
            casts.append(onnx.helper.make_node("Cast", [f"{name}_half"], [name], to=onnx.TensorProto.FLOAT))
    for cast in casts:
        graph.node.insert(0, cast)


def save_model(networks: list[onnx.ModelProto], metadata: dict, path) -> None:
    """Write the networks of all looks, at most two, as one model of the same input and output.

    With two, a second input, the truth value ``closer``, says which one looks at the images.
    """
    model = networks[0] if len(networks) == 1 else _choose(*networks)
    onnx.helper.set_model_props(model, {METADATA: json.dumps(metadata)})
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _choose(finder: onnx.ModelProto, closer: onnx.ModelProto) -> onnx.ModelProto:
    closely = onnx.helper.make_tensor_value_info(CLOSER, onnx.TensorProto.BOOL, [])
    inputs, outputs = [*finder.graph.input, closely], list(finder.graph.output)
    choice = onnx.helper.make_node(
        "If", [CLOSER], [outputs[0].name], then_branch=_branch(closer), else_branch=_branch(finder)
    )
    graph = onnx.helper.make_graph([choice], "looks", inputs, outputs)
    return onnx.helper.make_model(graph, opset_imports=finder.opset_import, ir_version=finder.ir_version)


def _branch(network: onnx.ModelProto) -> onnx.GraphProto:
    """A network as part of a graph whose input it sees."""
    graph = onnx.compose.add_prefix(network, "looks_", rename_inputs=False).graph
    del graph.input[:]
    return graph
