# SPDX-License-Identifier: BSD-2-Clause
"""The function unit's golden model against the real functions: certificates recomputed, corners, refusals."""

import math

import numpy as np
import pytest

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.elementary.certify import certify
from gatewright.hw.elementary.function.config import FunctionConfig
from gatewright.hw.elementary.function.golden import function
from gatewright.tb.elementary.tb_function import BENCH

REAL = {
    "exp": math.exp,
    "exp2": lambda x: 2.0**x,
    "reciprocal": lambda x: 1 / x if x else math.inf,
    "rsqrt": lambda x: 1 / math.sqrt(x) if x else math.inf,
    "log2": lambda x: math.log2(x) if x else -math.inf,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "tanh": math.tanh,
}
FORMATS = [
    *BENCH.grid,
    *BENCH.mutation,
    {"function": "exp2", "argument": "negative", "in_bits": 10, "in_fraction": 7, "out_bits": 12,
     "structure": "reduced"},
    {"argument": "unsigned", "in_bits": 8, "in_fraction": 5, "out_bits": 12, "out_fraction": 4},
    {"function": "exp2", "in_bits": 9, "in_fraction": 0, "out_bits": 8, "out_fraction": 3},
    {"function": "reciprocal", "in_bits": 3, "in_fraction": 0, "out_bits": 6, "out_fraction": 6},
    {"function": "reciprocal", "in_bits": 2, "in_fraction": 9, "out_bits": 8, "out_fraction": 0,
     "structure": "reduced"},
    {"function": "rsqrt", "in_bits": 13, "in_fraction": 3, "out_bits": 14, "out_fraction": 13,
     "max_error_milli_ulp": 600},
    {"function": "log2", "in_bits": 12, "in_fraction": 15, "out_bits": 9, "out_fraction": 2},
    {"function": "log2", "in_bits": 7, "in_fraction": 0, "out_bits": 4, "out_fraction": 0, "structure": "reduced"},
    {"function": "sigmoid", "in_bits": 12, "in_fraction": 8, "out_bits": 12, "out_fraction": 11,
     "max_error_milli_ulp": 550},
    {"function": "tanh", "in_bits": 12, "in_fraction": 8, "out_bits": 12, "out_fraction": 11},
]  # fmt: skip
WIDE = [
    {"function": "log2", "in_bits": 22, "in_fraction": 11, "out_bits": 14, "out_fraction": 9},
    {"function": "exp", "in_bits": 22, "in_fraction": 18, "out_bits": 10, "out_fraction": 6},
    {"function": "tanh", "in_bits": 21, "in_fraction": 17, "out_bits": 10, "out_fraction": 9},
]


def value(config, code):
    """Give the clamped real result, in units of the output's last place."""
    field = config.outputs[0].field("y")
    x = -code if config.sign == "negative" else code
    scaled = REAL[config.function](x / 2**config.in_fraction) * 2**config.out_fraction
    return max(field.low, min(scaled, field.high))


def codes_of(config, count):
    field = config.inputs[0].field("x")
    if field.high - field.low < count:
        return np.arange(field.low, field.high + 1)
    rng = np.random.default_rng(11)
    some = rng.integers(field.low, field.high, count, endpoint=True)
    small = some[: count // 2] >> rng.integers(0, config.in_bits, count // 2)
    return np.concatenate([some, small, [field.low, field.low + 1, 0, 1, field.high]])


@pytest.mark.parametrize("values", [*FORMATS, *WIDE], ids=str)
def test_results_lie_within_the_certificate_and_that_within_the_asked_error(values):
    config = FunctionConfig(**values)
    certificate = config.certificate
    assert certificate.slack < 1e-6
    assert certificate.error <= config.max_error_milli_ulp / 1000 + certificate.slack
    if config.in_bits <= 20:
        assert certificate.exhaustive
        assert certificate.cells == 1 << config.in_bits
    field = config.outputs[0].field("y")
    codes = codes_of(config, 3000)
    results = function(config, codes)
    assert field.low <= results.min()
    assert results.max() <= field.high
    worst = max(abs(int(y) - value(config, int(x))) for x, y in zip(codes, results, strict=True))
    assert worst <= certificate.error + certificate.slack


@pytest.mark.parametrize("values", WIDE, ids=str)
def test_cells_of_a_wide_input_hold_every_code_once(values):
    config = FunctionConfig(**values)
    first, last = config.design.cells()
    order = np.argsort(first)
    np.testing.assert_array_equal(first[order][1:], last[order][:-1] + 1)
    assert first.min() == 0
    assert last.max() == (1 << config.in_bits) - 1
    inside = first + (last - first) // 3
    np.testing.assert_array_equal(function(config, inside), function(config, first))


def test_certify_refuses_cells_with_two_results():
    with pytest.raises(ValueError, match=r"^a cell must give one result at both of its ends$"):
        certify(lambda code: code >> 1, lambda code: code / 2, np.array([1]), np.array([2]))


@pytest.mark.parametrize("name", REAL)
def test_a_table_at_500_is_correctly_rounded(name):
    out_fraction = 3 if name in ("exp", "exp2", "reciprocal", "rsqrt") else 5
    config = FunctionConfig(
        function=name, in_bits=8, in_fraction=4, out_bits=9, out_fraction=out_fraction, kernel="table",
        structure="word", max_error_milli_ulp=500,
    )  # fmt: skip
    for code in codes_of(config, 300):
        real = value(config, int(code))
        assert abs(int(function(config, code)) - real) <= 0.5


def test_exp_of_sixteen_bits_keeps_one_ulp_with_one_multiplier():
    for fraction in (15, 16):
        config = FunctionConfig(argument="negative", in_fraction=12, out_fraction=fraction)
        assert config.certified_ulp <= 1
        assert config.multipliers == 1


@pytest.mark.parametrize(
    ("values", "code", "result"),
    [
        ({"function": "reciprocal", "in_bits": 8, "in_fraction": 4, "out_bits": 10}, 0, 1023),
        ({"function": "rsqrt", "in_bits": 8, "in_fraction": 4, "out_bits": 10}, 0, 1023),
        ({"function": "rsqrt", "in_bits": 13, "in_fraction": 0, "out_bits": 16, "out_fraction": 12}, 0, 65535),
        ({"function": "log2", "in_bits": 8, "in_fraction": 4, "out_bits": 10, "out_fraction": 4}, 0, -512),
        ({"function": "log2", "in_bits": 12, "in_fraction": 4, "out_bits": 10, "out_fraction": 4}, 0, -512),
        ({"in_bits": 8, "in_fraction": 4, "out_bits": 8, "out_fraction": 4}, 127, 255),
        ({"in_bits": 12, "in_fraction": 8, "out_bits": 8, "out_fraction": 4, "structure": "reduced"}, 2047, 255),
        ({"function": "sigmoid", "in_bits": 9, "in_fraction": 4, "out_bits": 8, "out_fraction": 8,
          "max_error_milli_ulp": 500}, 255, 255),
        ({"function": "tanh", "in_bits": 9, "in_fraction": 4, "out_bits": 8, "out_fraction": 7,
          "max_error_milli_ulp": 500}, -256, -128),
    ],
    ids=str,
)  # fmt: skip
def test_zero_and_overflow_are_defined(values, code, result):
    assert function(FunctionConfig(**values), np.array([code])).tolist() == [result]


REFUSED = [
    ({"lanes": 17}, "function.lanes must lie in 1..16, not 17"),
    ({"max_error_milli_ulp": 499}, "function.max_error_milli_ulp must lie in 500..64000, not 499"),
    (
        {"function": "log2", "argument": "signed"},
        "function.argument must be natural or unsigned for function log2, not 'signed'",
    ),
    (
        {"function": "tanh", "argument": "negative"},
        "function.argument must be natural or signed for function tanh, not 'negative'",
    ),
    (
        {"structure": "reduced", "kernel": "linear"},
        "function.kernel must be auto for the reduced structure of function exp, not 'linear'",
    ),
    (
        {"structure": "word", "in_bits": 21},
        "function.in_bits must be at most 20 for structure word, not 21",
    ),
    (
        {"function": "tanh", "out_bits": 8, "out_fraction": 8},
        "function.out_bits must be at least 9 for function tanh with 8 fraction bits, not 8",
    ),
    (
        {"function": "log2", "in_fraction": 8, "out_bits": 8, "out_fraction": 5},
        "function.out_bits must be at least 9 for function log2 with 5 fraction bits, not 8",
    ),
]


@pytest.mark.parametrize(("values", "line"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_config_refuses_with_field_rule_and_value(values, line):
    with pytest.raises(ConfigError) as caught:
        FunctionConfig(**values)
    assert str(caught.value) == line


def test_an_error_out_of_reach_names_the_field_and_the_way_out():
    line = r"^function\.max_error_milli_ulp must be larger .*, not 500 \(.*\); raise it"
    with pytest.raises(ConfigError, match=line):
        FunctionConfig(function="rsqrt", in_bits=16, structure="reduced", max_error_milli_ulp=500)
