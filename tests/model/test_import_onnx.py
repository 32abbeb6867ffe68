# SPDX-License-Identifier: BSD-2-Clause
"""The importer: equal networks from every supported spelling, and results next to onnx.reference."""

import json
from fractions import Fraction

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tests.model.onnx_cases import B, W, model, node, parts, reference, save

from gatewright.gen.model.export_onnx import QuantisedDense, qdq_model, to_bytes
from gatewright.gen.model.golden_network import dense, quantise, run
from gatewright.gen.model.import_onnx import load_model


def matmul(constants, nodes):
    constants["w_q"] = W.T
    nodes["w"] = node("DequantizeLinear", ["w_q", "ws"], "w", axis=1)
    nodes["fc"] = node("MatMul", ["xd", "w"], "fc_mm")
    nodes["relu"] = node("Relu", ["fc"], "relu")
    order = {}
    for key, value in nodes.items():
        order[key] = value
        if key == "fc":
            order["add"] = node("Add", ["b", "fc_mm"], "fc")
    return constants, order


def gemm_untransposed(constants, nodes):
    constants["w_q"] = W.T
    nodes["w"] = node("DequantizeLinear", ["w_q", "ws"], "w", axis=-1)
    nodes["fc"] = node("Gemm", ["xd", "w", "b"], "fc")
    return constants, nodes


def float_bias(constants, nodes):
    constants["b"] = (B * constants.pop("bs").astype(np.float64)).astype(np.float32)
    del constants["b_q"], nodes["b"]
    return constants, nodes


def coarser_bias_scale(constants, nodes):
    constants["b_q"] = np.array([50, -7], np.int32)
    constants["bs"] = constants["bs"] * np.array([2, 1], np.float32)
    return constants, nodes


def scales_from_constant_nodes(constants, nodes):
    value = onnx.numpy_helper.from_array(constants.pop("xs"), "v")
    return constants, {"xs": helper.make_node("Constant", [], ["xs"], value=value), **nodes}


def quantised_output(constants, nodes):
    nodes["yq"] = node("QuantizeLinear", ["relu", "ys", "zy"], "y")
    del nodes["y"]
    return constants, nodes


def beta_and_alpha(constants, nodes):
    # alpha * W and beta * b stay what they were: the scales carry the inverse.
    constants["ws"] = constants["ws"] * np.float32(0.5)
    constants["bs"] = constants["bs"] * np.float32(4)
    nodes["fc"] = node("Gemm", ["xd", "w", "b"], "fc", transB=1, alpha=2.0, beta=0.25)
    return constants, nodes


SPELLINGS = [matmul, gemm_untransposed, float_bias, coarser_bias_scale, scales_from_constant_nodes,
             quantised_output, beta_and_alpha]  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda spelling: spelling.__name__)
def test_every_spelling_gives_the_same_network(spelling, tmp_path):
    plain = load_model(save(tmp_path, model(*parts()))).layers[0]
    kind = TensorProto.INT8 if spelling is quantised_output else TensorProto.FLOAT
    other = load_model(save(tmp_path, model(*spelling(*parts()), output_type=kind))).layers[0]
    for field in ("weights", "bias", "multiplier", "shift"):
        np.testing.assert_array_equal(getattr(plain, field), getattr(other, field), err_msg=field)
    assert (plain.relu, plain.input, plain.output) == (other.relu, other.input, other.output)


def test_numbers_of_a_small_model_are_the_ones_written_by_hand(tmp_path):
    network = load_model(save(tmp_path, model(*parts(zero=-3, out_zero=7))))
    layer = network.layers[0]
    assert layer.weights.tolist() == W.tolist()
    assert layer.bias.tolist() == [100 + 3 * (1 - 2 + 3), -7 + 3 * (-128 + 127)]
    assert (layer.relu, layer.clamp_low, layer.output.zero_point, layer.input.zero_point) == (True, 7, 7, -3)
    for channel, weight_scale in enumerate((0.02, 0.003)):
        exact = 0.1 * weight_scale / 0.05
        found = layer.multiplier[channel] / 2 ** int(layer.shift[channel])
        assert abs(found / exact - 1) < 2**-15
    assert network.input_shape == (3,)
    assert network.classes == ("0", "1")


@pytest.mark.parametrize(("code", "zero", "out_zero"), [(np.int8, 0, 0), (np.int8, -128, 9), (np.uint8, 0, 0),
                                                      (np.uint8, 131, 77)])  # fmt: skip
@pytest.mark.parametrize("relu", [True, False])
def test_small_models_follow_onnx_reference_to_one_lsb(code, zero, out_zero, relu, tmp_path):
    constants, nodes = parts(code, zero, out_zero)
    if not relu:
        del nodes["relu"]
        nodes["yq"] = node("QuantizeLinear", ["fc", "ys", "zy"], "yq")
    path = save(tmp_path, model(constants, nodes))
    network = load_model(path)
    feed = np.random.default_rng(5).uniform(-30, 30, (2000, 3)).astype(np.float32)
    codes_in, want = reference(path, feed, "xq", "yq")
    codes = quantise(network.input, feed)
    np.testing.assert_array_equal(codes, codes_in)
    got = run(network, codes)[-1]
    assert len(np.unique(want)) > 100
    assert np.abs(got - want).max() <= 1
    assert np.mean(got != want) < 0.005  # only where float32 or the 16-bit multiplier stands beside a tie


def test_rescaling_is_within_one_lsb_of_the_exact_rational_result(tmp_path):
    layer = load_model(save(tmp_path, model(*parts(out_zero=-20)))).layers[0]
    ratios = [Fraction(float(np.float32(0.1))) * Fraction(float(np.float32(s))) / Fraction(layer.output.scale)
              for s in (0.02, 0.003)]  # fmt: skip
    codes = np.random.default_rng(2).integers(-128, 128, (3000, 3))
    for row, out in zip(codes, dense(layer, codes), strict=True):
        for channel, ratio in enumerate(ratios):
            acc = int(layer.bias[channel]) + int(layer.weights[channel].astype(int) @ row)
            exact = acc * ratio
            want = min(max(round(exact) - 20, -20), 127)
            assert abs(int(out[channel]) - want) <= 1
            from_tie = abs((exact % 1) - Fraction(1, 2))
            assert int(out[channel]) == want or from_tie <= abs(exact) / 2**16


def test_export_then_import_returns_the_same_numbers(tmp_path):
    rng = np.random.default_rng(9)
    layers = [
        QuantisedDense(rng.integers(-128, 128, (o, i)).astype(np.int8), rng.uniform(1e-3, 1e-2, o).astype(np.float32),
                       rng.integers(-9000, 9000, o).astype(np.int32), scale, relu)
        for o, i, scale, relu in ((7, 12, 0.3, True), (5, 7, 0.7, True), (3, 5, 1.1, False))
    ]  # fmt: skip
    proto = qdq_model("trip", (3, 4), 1 / 16, layers, ["a", "b", "c"])
    assert to_bytes(proto) == to_bytes(qdq_model("trip", (3, 4), 1 / 16, layers, ["a", "b", "c"]))
    path = tmp_path / "trip.onnx"
    path.write_bytes(to_bytes(proto))
    network = load_model(path)
    assert (network.name, network.input_shape, network.classes) == ("trip", (3, 4), ("a", "b", "c"))
    assert network.macs == 7 * 12 + 5 * 7 + 3 * 5
    for layer, source in zip(network.layers, layers, strict=True):
        np.testing.assert_array_equal(layer.weights, source.weights)
        np.testing.assert_array_equal(layer.bias, source.bias)
        assert (layer.relu, layer.output.scale) == (source.relu, float(np.float32(source.scale)))


def test_flatten_and_plain_reshape_may_stand_before_the_first_layer(tmp_path):
    for place, op in [("x", "Flatten"), ("xq", "Reshape"), ("xd", "Flatten")]:
        constants, nodes = parts()
        constants["to"] = np.array([-1, 3], np.int64)
        flat = node(op, [place, "to"] if op == "Reshape" else [place], "flat")
        fresh = {"flat": flat} if place == "x" else {}
        for key, value in nodes.items():
            value.input[:] = ["flat" if name == place else name for name in value.input]
            fresh[key] = value
            if key == place:
                fresh["flat"] = flat
        network = load_model(save(tmp_path, model(constants, fresh, shape=("n", 3, 1))))
        assert network.input_shape == (3, 1)


def test_classes_come_from_the_metadata(tmp_path):
    path = save(tmp_path, model(*parts(), props={"classes": json.dumps(["cat", "dog"])}))
    assert load_model(path).classes == ("cat", "dog")
