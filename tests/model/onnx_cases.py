# SPDX-License-Identifier: BSD-2-Clause
"""Small ONNX models, built with onnx.helper alone, so that importer and exporter can't share a mistake."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

W = np.array([[1, -2, 3], [-128, 127, 0]], np.int8)  # (outputs, inputs)
B = np.array([100, -7], np.int32)


def node(op, inputs, output, **attributes):
    return helper.make_node(op, inputs, [output], name=output, **attributes)


def parts(code=np.int8, zero=0, out_zero=0):
    """Constants and nodes of a 3-2 network with Gemm; tests swap entries by name."""
    constants = {
        "xs": np.float32(0.1),
        "zx": code(zero),
        "w_q": W,
        "ws": np.array([0.02, 0.003], np.float32),
        "b_q": B,
        "bs": np.float32(0.1) * np.array([0.02, 0.003], np.float32),
        "ys": np.float32(0.05),
        "zy": code(out_zero),
    }
    nodes = {
        "xq": node("QuantizeLinear", ["x", "xs", "zx"], "xq"),
        "xd": node("DequantizeLinear", ["xq", "xs", "zx"], "xd"),
        "w": node("DequantizeLinear", ["w_q", "ws"], "w", axis=0),
        "b": node("DequantizeLinear", ["b_q", "bs"], "b", axis=0),
        "fc": node("Gemm", ["xd", "w", "b"], "fc", transB=1),
        "relu": node("Relu", ["fc"], "relu"),
        "yq": node("QuantizeLinear", ["relu", "ys", "zy"], "yq"),
        "y": node("DequantizeLinear", ["yq", "ys", "zy"], "y"),
    }
    return constants, nodes


def model(constants, nodes, shape=("n", 3), output="y", props=None, domains=(), output_type=TensorProto.FLOAT):
    graph = helper.make_graph(
        list(nodes.values()),
        "case",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info(output, output_type, ["n", 2])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 21), *(helper.make_opsetid(domain, 1) for domain in domains)]
    proto = helper.make_model(graph, ir_version=10, opset_imports=opsets)
    helper.set_model_props(proto, props or {})
    return proto


def save(folder, proto, name="case.onnx"):
    path = folder / name
    onnx.save(proto, path)
    return path


def reference(path, feed, *names):
    """Run onnx.reference and give the named tensors, inner ones too."""
    from onnx.reference import ReferenceEvaluator

    values = ReferenceEvaluator(str(path)).run(None, {"x": feed}, intermediate=True)
    return [values[name] for name in names]
