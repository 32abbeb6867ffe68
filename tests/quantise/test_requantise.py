# SPDX-License-Identifier: BSD-2-Clause
"""The requantiser's golden model against exact fractions and the ONNX reference; its config; its product plan."""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.quantise.requantise.config import RequantiseConfig
from gatewright.hw.quantise.requantise.golden import golden, requantise
from gatewright.hw.quantise.requantise.plan import pieces, rows
from gatewright.tb.quantise.tb_requantise import BENCH, stimulus

CONFIGS = [
    *BENCH.grid,
    dict(BENCH.mutation),
    {"contract": "gemmlowp", "multiplier_bits": 32, "multiplier_signed": True, "shift_min": 0, "shift_bits": 5},
    {"contract": "gemmlowp", "acc_bits": 16, "multiplier_bits": 15, "shift_min": 0, "shift_bits": 4, "relu": True},
    {"multiplier_signed": True, "shift_min": 0, "shift_bits": 6, "out_signed": False, "zero_point": 255},
    {"acc_bits": 48, "multiplier_bits": 32, "multiplier_signed": True, "shift_min": 40, "shift_bits": 6},
    {"contract": "half_up", "out_bits": 16, "acc_bits": 8, "multiplier_bits": 2, "shift_min": 0, "shift_bits": 0},
]


def half_even(x: Fraction) -> int:
    return round(x)


def half_up(x: Fraction) -> int:
    return math.floor(x + Fraction(1, 2))


def half_away(x: Fraction) -> int:
    return math.floor(abs(x) + Fraction(1, 2)) * (1 if x >= 0 else -1)


def from_fractions(config: RequantiseConfig, acc: int, multiplier: int, shift: int) -> int:
    unit = 2**shift
    match config.contract:
        case "onnx":
            scaled = half_even(Fraction(acc * multiplier, unit))
        case "half_up":
            scaled = half_up(Fraction(acc * multiplier, unit))
        case "gemmlowp":
            one = 2 ** (config.multiplier_bits - int(config.multiplier_signed))
            high = min(half_up(Fraction(acc * multiplier, one)), 2**31 - 1)
            scaled = half_away(Fraction(high, unit))
    return max(config.clamp_low, min(scaled + config.zero_point, config.code_high))


@pytest.mark.parametrize("values", CONFIGS, ids=str)
@pytest.mark.parametrize("kind", ["random", "corners"])
def test_golden_equals_exact_fractions(values, kind):
    config = RequantiseConfig(**values)
    inputs = stimulus(config, np.random.default_rng(7), kind, 300)
    beats, q = inputs["i"], golden(config, inputs)["o"]["q"]
    code = beats.get("shift", np.zeros_like(beats["multiplier"]))
    shape = beats["acc"].shape
    scale = [np.broadcast_to(a.reshape(len(a), -1), shape) for a in (beats["multiplier"], code)]
    expected = [
        from_fractions(config, int(acc), int(multiplier), config.shift_min + config.shift_step * int(step))
        for acc, multiplier, step in zip(beats["acc"].flat, scale[0].flat, scale[1].flat, strict=True)
    ]
    np.testing.assert_array_equal(q.ravel(), expected)
    assert len(set(expected)) >= min(10, 2**config.out_bits)  # the stimulus reaches more than the two limits


@pytest.mark.parametrize(
    ("contract", "halves"),
    # quotients -2.5 -1.5 -0.5 0.5 1.5 2.5; gemmlowp's are exact after its first rounding
    [
        ("onnx", [-2, -2, 0, 0, 2, 2]),
        ("half_up", [-2, -1, 0, 1, 2, 3]),
        ("gemmlowp", [-3, -2, -1, 1, 2, 3]),
    ],
)
def test_ties_go_where_the_contract_says(contract, halves):
    config = RequantiseConfig(contract=contract, multiplier_bits=31, shift_bits=0, shift_min=1)
    one = 1 << 30  # half of the fraction, so the accumulator counts quarters
    acc = np.array([-5, -3, -1, 1, 3, 5])
    if contract == "gemmlowp":
        q = requantise(config, 2 * acc, np.int64(one), np.int64(1))
    else:
        q = requantise(config, acc, np.int64(1), np.int64(1))
    assert q.tolist() == halves


def test_the_one_saturating_gemmlowp_product_saturates():
    config = RequantiseConfig(
        contract="gemmlowp", multiplier_bits=32, multiplier_signed=True, shift_bits=5, shift_min=0, out_bits=16
    )
    least = np.int64(-(2**31))
    q = requantise(config, np.array([least, least]), least, np.array([0, 20]))
    assert q.tolist() == [32767, 2048]


def test_no_shift_shows_whether_that_product_saturated():
    # The hardware has no gate for it: 2**31 and 2**31 - 1 must give one activation under every shift.
    for shift in range(32):
        full, saturated = (half_away(Fraction(value, 2**shift)) for value in (2**31, 2**31 - 1))
        assert full == saturated or min(full, saturated) > 2 * 65535  # far over any code and zero point


@pytest.mark.parametrize("zero_point", [0, -128, 126])
def test_onnx_contract_equals_the_onnx_reference(zero_point):
    onnx = pytest.importorskip("onnx")
    from onnx.reference import ReferenceEvaluator

    rng = np.random.default_rng(3)
    a, b = rng.integers(-8, 9, (16, 40), dtype=np.int8), rng.integers(-128, 128, (40, 24), dtype=np.int8)
    names = ("a", "a_scale", "a_zero", "b", "b_scale", "b_zero", "y_scale", "y_zero")
    node = onnx.helper.make_node("QLinearMatMul", names, ["y"])
    inputs = [onnx.helper.make_tensor_value_info(name, 0, None) for name in names]
    graph = onnx.helper.make_graph([node], "g", inputs, [onnx.helper.make_tensor_value_info("y", 0, None)])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 21)])
    config = RequantiseConfig(zero_point=zero_point)
    # The reference adds the zero point before it rounds; the standard says after. An even one makes both agree.
    for multiplier, shift in ((1, 4), (3, 6), (32768, 21), (65535, 22), (40961, 20)):
        scales = {"a_scale": multiplier, "b_scale": 1, "y_scale": 2.0**shift}
        feeds = {"a": a, "b": b, **{name: np.float32(value) for name, value in scales.items()}}
        feeds |= {"a_zero": np.int8(0), "b_zero": np.int8(0), "y_zero": np.int8(zero_point)}
        (expected,) = ReferenceEvaluator(model).run(None, feeds)
        acc = a.astype(np.int64) @ b.astype(np.int64)
        np.testing.assert_array_equal(requantise(config, acc, np.int64(multiplier), np.int64(shift)), expected)


REFUSED = [
    ({"lanes": 0}, "requantise.lanes must lie in 1..64, not 0"),
    ({"acc_bits": 49}, "requantise.acc_bits must lie in 8..48, not 49"),
    ({"contract": "tflite"}, "requantise.contract must be one of onnx, gemmlowp, half_up, not 'tflite'"),
    ({"shift_step": 3}, "requantise.shift_step must be a power of two, not 3"),
    ({"zero_point": 128}, "requantise.zero_point must lie in -128..127, the range of the activations, not 128"),
    (
        {"zero_point": -1, "out_signed": False},
        "requantise.zero_point must lie in 0..255, the range of the activations, not -1",
    ),
    ({"shift_min": 48}, "requantise.shift_min must be at most 47, to stay inside the product, not 48"),
    (
        {"contract": "gemmlowp", "multiplier_bits": 31, "shift_min": 1, "shift_bits": 5},
        "requantise.shift_min + shift_step * (2**shift_bits - 1) must be at most 31 for contract gemmlowp, not 32",
    ),
    (
        {"contract": "gemmlowp", "acc_bits": 33, "shift_min": 0},
        "requantise.acc_bits must be at most 32 for contract gemmlowp, not 33",
    ),
    (
        {"engine": "serial", "shift_min": 15},
        "requantise.shift_min must be at least multiplier_bits = 16 for engine serial, not 15",
    ),
    (
        {"engine": "serial", "multiplier_signed": True},
        "requantise.multiplier_signed must be false for engine serial, not True",
    ),
]


@pytest.mark.parametrize(("values", "line"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_config_refuses_with_field_rule_and_value(values, line):
    with pytest.raises(ConfigError) as caught:
        RequantiseConfig(**values)
    assert str(caught.value) == line


@pytest.mark.parametrize(("left_bits", "right_bits", "limb"), [(32, 16, 17), (32, 31, 17), (48, 32, 8), (18, 17, 17)])
@pytest.mark.parametrize("right_signed", [False, True])
def test_rows_of_partial_products_add_up_to_the_product(left_bits, right_bits, limb, right_signed):
    left, right = pieces(left_bits, True, limb), pieces(right_bits, right_signed, limb)
    plan = rows(left, right)
    assert sum(len(row) for row in plan) == len(left) * len(right)
    for row in plan:
        assert all(a.high <= b.low and not a.signed for a, b in pairwise(row))

    def cut(value: int, piece) -> int:
        bits = value >> piece.low & (1 << piece.bits) - 1
        return bits - (1 << piece.bits) if piece.signed and bits >> (piece.bits - 1) else bits

    rng = np.random.default_rng(5)
    for _ in range(50):
        a = int(rng.integers(-(2 ** (left_bits - 1)), 2 ** (left_bits - 1)))
        b = int(rng.integers(2**right_bits)) - (2 ** (right_bits - 1) if right_signed else 0)
        assert sum(cut(a, p.left) * cut(b, p.right) << p.low for row in plan for p in row) == a * b
