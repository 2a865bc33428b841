"""ONNX graphs of exported networks: those of several looks in one file."""

import json

import onnx

from fetal_biometry.model.onnx_file import CLOSER, METADATA


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
