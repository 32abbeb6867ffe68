# SPDX-License-Identifier: BSD-2-Clause
"""The activation's codes against float64, its scales, its methods against each other, its refusals."""

import math
from fractions import Fraction

import numpy as np
import pytest

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.nonlinear.activation import edge_moe
from gatewright.hw.nonlinear.activation.config import ActivationConfig
from gatewright.hw.nonlinear.activation.golden import activation, edge_moe_gelu
from gatewright.hw.nonlinear.activation.plan import totals

# Written from the definitions; the room's own functions avoid cancellation and share no line with these.
REAL = {
    "gelu": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
    "gelu_tanh": lambda x: x / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x / (1 + math.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "tanh": math.tanh,
    "relu": lambda x: max(x, 0.0),
    "relu2": lambda x: max(x, 0.0) ** 2,
}
HALVED = ("gelu", "gelu_tanh", "silu", "sigmoid", "tanh", "relu2")


def words(config):
    return np.arange(-(1 << (config.in_bits - 1)), 1 << (config.in_bits - 1))


def wanted(config):
    """Real outputs in steps."""
    step, out_step = config.in_scale / 2**config.in_fraction, config.out_scale / 2**config.out_fraction
    real = REAL[config.function]
    return np.array([real(c * step) / out_step for c in (words(config) - config.in_zero).tolist()]) + config.out_zero


def worst(config):
    """Largest error in steps, where saturation is no error."""
    target = np.clip(wanted(config), config.code_low, config.code_high)
    return np.abs(activation(config, words(config)) - target).max()


def scales():
    """Sixty steps from 1/4 to 1/128, all odd multiples of a power of two and anything between."""
    for index in range(60):
        real = 0.25 * 2 ** (-5 * index / 59)
        fraction = 15 - math.floor(math.log2(real)) - 1
        yield max(1, round(real * 2**fraction)), fraction


@pytest.mark.parametrize("function", ["gelu", "gelu_tanh", "silu"])
def test_int8_codes_are_the_nearest_for_all_inputs_at_sixty_scales(function):
    for scale, fraction in scales():
        config = ActivationConfig(
            function=function, in_scale=scale, in_fraction=fraction, out_scale=scale, out_fraction=fraction
        )
        assert worst(config) <= 0.5 + 1e-9
        # The sum that the hardware forms gives the same codes, without a fraction bit.
        assert config.symmetry.guard == 0
        np.testing.assert_array_equal(totals(config.symmetry, words(config)), config.codes)


@pytest.mark.parametrize("function", sorted(REAL))
@pytest.mark.parametrize(
    "scale",
    [
        {"in_fraction": 4, "out_fraction": 7, "out_bits": 12},
        {"in_fraction": 5, "out_fraction": 3, "out_zero": -50},
        {"in_scale": 5, "in_fraction": 6, "out_scale": 3, "out_fraction": 6},
        {"in_scale": 1000, "in_fraction": 14, "out_scale": 777, "out_fraction": 14, "in_bits": 6},
        {"in_fraction": 3, "out_fraction": 8, "out_signed": False},
    ],
    ids=str,
)
def test_every_method_stays_within_its_error(function, scale):
    for method in ("table", "symmetry", "polynomial"):
        config = ActivationConfig(function=function, method=method, max_error_milli_lsb=1500, **scale)
        assert worst(config) <= config.max_error_lsb + 1e-9, method
        if method == "symmetry":
            codes = np.clip(totals(config.symmetry, words(config)), config.code_low, config.code_high)
            np.testing.assert_array_equal(codes, config.codes)


def test_ties_go_to_even_and_zero_points_move_codes():
    halves = ActivationConfig(function="relu", method="table", in_fraction=1, out_fraction=0)
    assert activation(halves, np.array([1, 3, 5, -3])).tolist() == [0, 2, 2, 0]
    moved = ActivationConfig(function="relu", method="table", in_zero=-3, out_zero=10)
    assert activation(moved, np.array([-4, -3, -2, 0])).tolist() == [10, 10, 11, 13]
    exact = ActivationConfig(function="relu2", method="table", in_scale=3, in_fraction=4, out_scale=7, out_fraction=5)
    assert activation(exact, np.array([9])).tolist() == [round(Fraction(27, 16) ** 2 * Fraction(32, 7))]


def test_polynomial_gelu_is_as_exact_as_edge_moe_in_a_third_of_its_table():
    config = ActivationConfig(
        method="polynomial", degree="quadratic", max_error_milli_lsb=1590,
        in_bits=16, in_fraction=12, out_bits=18, out_fraction=14,
    )  # fmt: skip
    assert config.max_error_lsb / 2**14 <= 9.76e-5
    assert worst(config) / 2**14 <= 9.76e-5
    assert config.table_bits <= edge_moe.TABLE_BITS / 2


@pytest.mark.parametrize("function", ["silu", "sigmoid", "tanh", "gelu_tanh", "relu2"])
def test_polynomials_of_16_bits_stay_within_one_step(function):
    config = ActivationConfig(
        function=function, method="polynomial", in_bits=16, in_fraction=12, out_bits=16, out_fraction=12
    )
    assert worst(config) <= 1


def test_edge_moe_has_the_published_table_and_error():
    table = edge_moe.table()
    assert len(table) == 177
    assert edge_moe.TABLE_BITS == 3894
    real = [REAL["relu"](at / 32) - REAL["gelu"](at / 32) for at in range(177)]
    assert np.abs(np.array(table) - np.array(real) * 2**22).max() <= 0.5001
    assert max(table) == table[24]  # the peak lies at 0.75
    assert table[24] / 2**22 == pytest.approx(0.16997, abs=1e-5)
    x = np.linspace(-8, 8, 65536, endpoint=False)
    codes = np.rint(x * 2**22).astype(np.int64)
    error = np.abs(edge_moe_gelu(codes) / 2**22 - [REAL["gelu"](c / 2**22) for c in codes.tolist()])
    assert error.max() == pytest.approx(9.76e-5, abs=2e-7)
    config = ActivationConfig(method="edge_moe", in_bits=32, out_bits=32, in_fraction=22, out_fraction=22)
    assert error.max() <= config.max_error_lsb / 2**22
    assert edge_moe_gelu(np.array([edge_moe.CUT, -edge_moe.CUT])).tolist() == [edge_moe.CUT, 0]


def test_symmetry_stores_half():
    for function in HALVED:
        half = ActivationConfig(function=function, out_signed=function not in ("sigmoid", "relu2"))
        assert half.table_bits <= ActivationConfig(function=function, method="table").table_bits / 2
    assert ActivationConfig(function="relu").table_bits == 0


REFUSED = [
    ({"lanes": 17}, "activation.lanes must lie in 1..16, not 17"),
    (
        {"function": "swish"},
        "activation.function must be one of gelu, gelu_tanh, silu, sigmoid, tanh, relu, relu2, not 'swish'",
    ),
    (
        {"method": "table", "in_bits": 13},
        "activation.in_bits must be at most 12 for method table, not 13; "
        "wider inputs need method polynomial, of up to 16 bits",
    ),
    (
        {"in_zero": 200, "method": "table"},
        "activation.in_zero must lie in -128..127, the range of the inputs, not 200",
    ),
    ({"in_zero": 2}, "activation.in_zero must be 0 for method symmetry, not 2; only method table takes others"),
    (
        {"out_signed": False, "out_zero": -1},
        "activation.out_zero must lie in 0..255, the range of the outputs, not -1",
    ),
    ({"out_bits": 25}, "activation.out_bits must be at most 24 for method symmetry, not 25"),
    (
        {"method": "edge_moe", "function": "silu"},
        "activation.function must be gelu for method edge_moe, not silu",
    ),
    (
        {"method": "edge_moe", "in_bits": 20, "out_bits": 20, "in_fraction": 22, "out_fraction": 22},
        "activation.in_bits must lie in 26..32 for method edge_moe, not 20",
    ),
]


@pytest.mark.parametrize(("values", "line"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_config_refuses_with_field_rule_and_value(values, line):
    with pytest.raises(ConfigError) as caught:
        ActivationConfig(**values)
    assert str(caught.value) == line


def test_a_config_refuses_an_error_that_no_polynomial_reaches():
    with pytest.raises(
        ConfigError, match=r"^activation\.max_error_milli_lsb must be larger for these scales, not 500: "
    ):
        ActivationConfig(method="polynomial", max_error_milli_lsb=500, in_fraction=5, out_scale=3, degree="linear")
