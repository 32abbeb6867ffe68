# SPDX-License-Identifier: BSD-2-Clause
"""Write a quantised dense network as a standard ONNX QDQ graph."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 21
IR_VERSION = 10  # what onnx 1.17 reads


@dataclass(frozen=True)
class QuantisedDense:
    """One layer as its trainer knows it.

    Attributes
    ----------
    weights : (outputs, inputs) int8
    weight_scale : (outputs,) float32
        Real value of one weight step, per output channel.
    bias : (outputs,) int32
        In steps of ``input scale * weight_scale``.
    scale : float
        Real value of one output step; the zero point is 0.
    relu : bool
    """

    weights: NDArray[np.int8]
    weight_scale: NDArray[np.float32]
    bias: NDArray[np.int32]
    scale: float
    relu: bool


def qdq_model(
    name: str,
    input_shape: tuple[int, ...],
    input_scale: float,
    layers: Sequence[QuantisedDense],
    classes: Sequence[str],
) -> onnx.ModelProto:
    """Build the model: quantise, flatten, then dequantise, ``Gemm``, ``Relu``, quantise for each layer.

    Parameters
    ----------
    name : str
    input_shape : tuple of int
        Shape of one input, batch left out.
    input_scale : float
        Real value of one input step; the zero point is 0, codes are int8.
    layers : sequence of QuantisedDense
    classes : sequence of str
        Labels of the last layer's outputs; kept in the metadata as JSON.

    Returns
    -------
    onnx.ModelProto
        Checked. Input ``x (batch, *input_shape) float32``, output ``logits (batch, outputs) float32``.
    """
    graph = _Builder()
    graph.constant("zero", np.int8(0))
    graph.constant("x_scale", np.float32(input_scale))
    graph.node("QuantizeLinear", ["x", "x_scale", "zero"], "x_q")
    graph.node("DequantizeLinear", ["x_q", "x_scale", "zero"], "x_dq")
    graph.node("Flatten", ["x_dq"], "x_flat", axis=1)
    previous, scale = "x_flat", np.float32(input_scale)
    for index, layer in enumerate(layers):
        last = index == len(layers) - 1
        scale = _dense(graph, f"dense{index}", layer, previous, scale, "logits" if last else f"dense{index}_y")
        previous = f"dense{index}_y"
    proto = helper.make_graph(
        graph.nodes,
        name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *input_shape])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(classes)])],
        graph.constants,
    )
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(proto, producer_name="gatewright", ir_version=IR_VERSION, opset_imports=[opset])
    helper.set_model_props(model, {"classes": json.dumps(list(classes))})
    onnx.checker.check_model(model, full_check=True)
    return model


def to_bytes(model: onnx.ModelProto) -> bytes:
    """Serialise; equal models give equal bytes."""
    return model.SerializeToString(deterministic=True)


class _Builder:
    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[np.generic] | np.generic) -> None:
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))

    def node(self, op: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))


def _dense(
    graph: _Builder, name: str, layer: QuantisedDense, x: str, x_scale: np.float32, output: str
) -> np.float32:
    graph.constant(f"{name}_w_q", layer.weights.astype(np.int8))
    graph.constant(f"{name}_w_scale", layer.weight_scale.astype(np.float32))
    graph.node("DequantizeLinear", [f"{name}_w_q", f"{name}_w_scale"], f"{name}_w", axis=0)
    graph.constant(f"{name}_b_q", layer.bias.astype(np.int32))
    graph.constant(f"{name}_b_scale", x_scale * layer.weight_scale.astype(np.float32))
    graph.node("DequantizeLinear", [f"{name}_b_q", f"{name}_b_scale"], f"{name}_b", axis=0)
    graph.node("Gemm", [x, f"{name}_w", f"{name}_b"], name, transB=1)
    if layer.relu:
        graph.node("Relu", [name], f"{name}_relu")
    graph.constant(f"{name}_y_scale", np.float32(layer.scale))
    graph.node("QuantizeLinear", [f"{name}_relu" if layer.relu else name, f"{name}_y_scale", "zero"], f"{name}_q")
    graph.node("DequantizeLinear", [f"{name}_q", f"{name}_y_scale", "zero"], output)
    return np.float32(layer.scale)
