# SPDX-License-Identifier: BSD-2-Clause
"""Models that can't be imported: each gives exactly one line, which names the node and the rule."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tests.model.onnx_cases import model, node, parts, save

from gatewright.gen.model.digits import split
from gatewright.gen.model.import_onnx import load_model
from gatewright.hw.core.errors import GatewrightError, ModelError, ToolError


def swap(**changes):
    """Change constants, or nodes, by name; None removes."""

    def edit(constants, nodes):
        for name, value in changes.items():
            place = nodes if name in nodes else constants
            if value is None:
                del place[name]
            else:
                place[name] = value
        return {}

    return edit


def sigmoid(constants, nodes):
    nodes["relu"] = node("Sigmoid", ["fc"], "relu")


def conv(constants, nodes):
    constants["k"] = np.zeros((1, 1, 1), np.float32)
    nodes["xd"] = node("Conv", ["xq", "k"], "xd")


def brevitas(constants, nodes):
    nodes["relu"] = helper.make_node("Quant", ["fc"], ["relu"], name="relu", domain="qonnx.custom_op.general")
    return {"domains": ["qonnx.custom_op.general"]}


def weight_zero_point(constants, nodes):
    constants["zw"] = np.array([0, 3], np.int8)
    nodes["w"] = node("DequantizeLinear", ["w_q", "ws", "zw"], "w", axis=0)


def unsigned_weights(constants, nodes):
    constants["w_q"] = np.ones((2, 3), np.uint8)


def float_weights(constants, nodes):
    constants["w"] = np.ones((2, 3), np.float32)
    del nodes["w"]


def unquantised_input(constants, nodes):
    nodes["fc"] = node("Gemm", ["x", "w", "b"], "fc", transB=1)
    del nodes["xq"], nodes["xd"]


def unquantised_hidden(constants, nodes):
    constants["one"] = np.eye(2, dtype=np.float32)
    nodes["yq"] = node("Gemm", ["relu", "one"], "yq")
    nodes["y"] = node("Relu", ["yq"], "y")


def unquantised_output(constants, nodes):
    nodes["relu"] = node("Relu", ["fc"], "y")
    del nodes["yq"], nodes["y"]


def dynamic_weights(constants, nodes):
    nodes["fc"] = node("Gemm", ["xd", "xd"], "fc", transB=1)


def dynamic_scale(constants, nodes):
    del constants["ys"]
    constants["half"] = np.float32(0.5)
    fresh = {"ys": node("Add", ["half", "half"], "ys"), **nodes}
    nodes.clear()
    nodes.update(fresh)


def input_axis_scales(constants, nodes):
    constants["ws"] = np.full(3, 0.1, np.float32)
    nodes["w"] = node("DequantizeLinear", ["w_q", "ws"], "w", axis=1)


def branch(constants, nodes):
    last = nodes.pop("yq"), nodes.pop("y")
    nodes["relu"] = node("Relu", ["fc"], "relu1")
    nodes["add"] = node("Add", ["fc", "relu1"], "relu")
    nodes["yq"], nodes["y"] = last


def loose_node(constants, nodes):
    nodes["loose"] = node("Relu", ["ys"], "loose")


def half_floats(constants, nodes):
    constants["w_q"], constants["ws"] = np.ones((2, 3), np.int8), np.full(2, 0.1, np.float16)


def two_inputs(path):
    proto = model(*parts())
    proto.graph.input.append(helper.make_tensor_value_info("x2", TensorProto.FLOAT, ["n", 3]))
    return save(path, proto)


def external(path):
    proto = model(*parts())
    proto.graph.initializer[0].data_location = TensorProto.EXTERNAL
    (path / "case.onnx").write_bytes(proto.SerializeToString())
    return path / "case.onnx"


F = np.float32
ONLY = "supported are QuantizeLinear, DequantizeLinear, Gemm, MatMul, Add, Relu, Flatten, Reshape, Constant"
NUMBERS = [
    (sigmoid, f"node 'relu' (Sigmoid): operator is not supported; {ONLY}"),
    (conv, f"node 'xd' (Conv): operator is not supported; {ONLY}"),
    (brevitas, f"node 'relu' (Quant): operator of domain qonnx.custom_op.general is not supported; {ONLY}"),
    (weight_zero_point, "node 'w' (DequantizeLinear): zero point of weights and biases must be 0, not 3"),
    (unsigned_weights, "node 'w' (DequantizeLinear): weights must be an int8 matrix, not uint8 of shape (2, 3)"),
    (float_weights, "node 'fc' (Gemm): weights are not quantised: they must be int8 constants through "
                    "DequantizeLinear"),
    (unquantised_input, "node 'fc' (Gemm): stands where QuantizeLinear must stand in a quantised dense network"),
    (unquantised_hidden, "node 'yq' (Gemm): stands where QuantizeLinear must stand in a quantised dense network"),
    (unquantised_output, "node 'fc' (Gemm): needs a QuantizeLinear after it: its output is not quantised"),
    (dynamic_weights, "tensor 'xd' feeds 2 nodes (fc, fc), but only plain chains are supported"),
    (dynamic_scale, "node 'yq' (QuantizeLinear): scale must be a constant, not the computed tensor 'ys'"),
    (input_axis_scales, "node 'w' (DequantizeLinear): weights must have one scale per output channel: axis must be 0"),
    (branch, "tensor 'fc' feeds 2 nodes (relu1, relu), but only plain chains are supported"),
    (loose_node, "node 'loose' (Relu): lies off the chain from input to output; remove it"),
    (swap(fc=node("Gemm", ["xd", "w", "b"], "fc", transB=1, alpha=-1.0)),
     "node 'fc' (Gemm): alpha must be positive, not -1"),
    (swap(fc=node("Gemm", ["xd", "w", "b"], "fc", transA=1, transB=1)),
     "node 'fc' (Gemm): transA must be 0: the batch is the first axis"),
    (swap(ys=F(0)), "node 'yq' (QuantizeLinear): scale must be positive and finite, not 0.0"),
    (swap(xs=F(np.nan)), "node 'xq' (QuantizeLinear): scale must be positive and finite, not nan"),
    (swap(ys=F(1e-9)), "node 'fc' (Gemm): rescale ratio must be below 65536, not 2e+06; check the scales around it"),
    (swap(bs=np.full(2, 1e9, F)),
     "layer fc: bias must lie in -2147483648..2147483647, not 50000000372529"),
    (swap(b_q=np.array([2**31 - 1, 0], np.int32)),
     "layer fc: accumulator must fit 32 bits, but these weights and biases can need 33; "
     "use fewer inputs or smaller biases"),
    (swap(zx=np.int16(0), zy=np.int16(0)), "node 'xq' (QuantizeLinear): activations must be int8 or uint8, not int16"),
    (swap(xd=node("DequantizeLinear", ["xq", "ys", "zx"], "xd")),
     "node 'xd' (DequantizeLinear): must have the scale and zero point of the QuantizeLinear or layer before it"),
    (swap(b_q=np.array([1, 2, 3], np.int32), bs=F(1)), None),
    (half_floats, None),
]  # fmt: skip
FILES = [
    (lambda path: path / "absent.onnx", "can't be read: No such file or directory; give the path of an ONNX file"),
    (lambda path: path, "can't be read: Is a directory; give the path of an ONNX file"),
    (two_inputs, "must have one input and one output, not 2 and 1"),
    (external, "keeps its weights in another file; save it with the weights inside"),
]


@pytest.mark.parametrize(("edit", "rule"), NUMBERS)
def test_a_bad_model_gives_one_line(edit, rule, tmp_path):
    constants, nodes = parts()
    extra = edit(constants, nodes) or {}
    path = save(tmp_path, model(constants, nodes, **extra))
    check(path, rule)


@pytest.mark.parametrize(("make", "rule"), FILES)
def test_a_bad_file_gives_one_line(make, rule, tmp_path):
    check(make(tmp_path), rule)


def check(path, rule):
    with pytest.raises(ModelError) as caught:
        load_model(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    if rule is not None:
        assert message == f"{path}: {rule}"


@pytest.mark.parametrize("content", [b"", b"not a model at all", b"\x89PNG\r\n\x1a\n" + bytes(50), b'{"a": 1}\n'])
def test_other_files_are_no_onnx_files(content, tmp_path):
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"^[^\n]*other\.onnx: is no ONNX file[^\n]*$"):
        load_model(path)


def test_a_file_cut_anywhere_gives_one_line(tmp_path):
    whole = model(*parts()).SerializeToString()
    path = tmp_path / "cut.onnx"
    path.write_bytes(whole)
    load_model(path)
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError, match=r"^[^\n]*cut\.onnx: [^\n]*$"):
            load_model(path)


def test_damaged_bytes_never_escape_as_anything_but_one_line(tmp_path):
    whole = bytearray(model(*parts()).SerializeToString())
    rng = np.random.default_rng(0)
    path = tmp_path / "hurt.onnx"
    lines = []
    for _ in range(300):
        hurt = bytearray(whole)
        hurt[rng.integers(len(hurt))] = rng.integers(256)
        path.write_bytes(hurt)
        try:
            load_model(path)
        except GatewrightError as error:
            lines.append(str(error))
    assert len(lines) > 100
    assert not [line for line in lines if "\n" in line]


def test_a_missing_scikit_learn_is_one_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.datasets", None)
    with pytest.raises(ToolError, match=r"^scikit-learn is missing, .*; pip install scikit-learn$"):
        split()


def test_labels_must_match_the_outputs(tmp_path):
    for text in ('["one"]', "{", '"ab"'):
        path = save(tmp_path, model(*parts(), props={"classes": text}))
        with pytest.raises(ModelError, match=r": metadata entry classes must be a JSON list of 2 labels$"):
            load_model(path)


def test_the_file_that_these_cases_start_from_is_good(tmp_path):
    path = save(tmp_path, model(*parts()))
    onnx.checker.check_model(str(path))
    assert load_model(path).macs == 6
