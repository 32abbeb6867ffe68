# SPDX-License-Identifier: BSD-2-Clause
"""The gated unit against float64 for every pair, its rounding against fractions, its refusals."""

import math
from fractions import Fraction

import numpy as np
import pytest

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.nonlinear.activation.golden import activation
from gatewright.hw.nonlinear.gated.config import GatedConfig
from gatewright.hw.nonlinear.gated.golden import golden
from gatewright.tb.nonlinear.tb_gated import BENCH, stimulus

REAL = {
    "silu": lambda x: x / (1 + math.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "gelu": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
    "relu": lambda x: max(x, 0.0),
    "relu2": lambda x: max(x, 0.0) ** 2,
}


def pairs(config):
    """Every gate with every element of at most 8 bits, and the outputs."""
    g, u = (np.arange(field.low, field.high + 1) for field in config.inputs[0].fields[:2])
    u = u[:: max(1, len(u) // 256)]
    g, u = (a.ravel()[:, None] for a in np.meshgrid(g, u))
    h = golden(config, {"i": {"g": g, "u": u, "last": np.zeros(len(g), np.int64)}})["o"]["h"]
    return g.ravel(), u.ravel(), h.ravel()


@pytest.mark.parametrize("rounding", ["half_even", "half_up"])
@pytest.mark.parametrize("values", [*BENCH.grid, *BENCH.mutations], ids=str)
def test_every_pair_is_within_the_promised_error(values, rounding):
    config = GatedConfig(**(dict(values) | {"lanes": 1, "rounding": rounding}))
    g, u, h = pairs(config)
    real = REAL[config.function]
    gates = np.array([real(c * config.in_scale / 2**config.in_fraction) for c in g.tolist()])
    middle = gates / (config.middle_scale / 2**config.middle_fraction)
    # A middle that saturates is a matter of its format, not of the arithmetic.
    most = (1 << (config.middle_bits - config.middle_signed)) - 1
    target = np.clip(np.clip(middle, -most - 1, most) * u / 2**config.shift, *ends(config))
    assert np.abs(h - target).max() <= config.max_error_lsb + 1e-9


def ends(config):
    return -(1 << (config.out_bits - 1)), (1 << (config.out_bits - 1)) - 1


@pytest.mark.parametrize("values", [*BENCH.grid, *BENCH.mutations], ids=str)
def test_golden_rounds_as_fractions_do(values):
    config = GatedConfig(**values)
    inputs = stimulus(config, np.random.default_rng(5), "random", 200)
    a = activation(config.activation, inputs["i"]["g"])
    exact = [Fraction(int(p), 2**config.shift) for p in (a * inputs["i"]["u"]).flat]
    if config.rounding == "half_even":
        rounded = [round(q) for q in exact]
    else:
        rounded = [math.floor(q + Fraction(1, 2)) for q in exact]
    np.testing.assert_array_equal(golden(config, inputs)["o"]["h"].ravel(), np.clip(rounded, *ends(config)))
    low, high = config.reach
    assert low <= min(rounded) <= max(rounded) <= high


def test_the_middle_scale_takes_in_the_scales_of_element_and_output():
    # u in steps of 0.013, h in steps of 0.02: the middle step is 0.02 / (0.013 * 2**10).
    fraction = 24
    middle = round(0.02 / (0.013 * 2**10) * 2**fraction)
    config = GatedConfig(middle_scale=middle, middle_fraction=fraction, middle_bits=14, shift=10)
    g, u, h = pairs(config)
    target = np.array([REAL["silu"](c / 16) for c in g.tolist()]) * u * 0.013 / 0.02
    inside = (np.abs(target) < 127) & (g < 100)
    assert np.abs(h - target)[inside].max() <= config.max_error_lsb + 0.01


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"u_bits": 19}, "gated.u_bits must lie in 2..18, not 19"),
        ({"shift": 22}, "gated.shift must be at most 21, to stay inside the product, not 22"),
        (
            {"in_bits": 14},
            "gated.in_bits must be at most 13 for method symmetry, not 14; "
            "wider inputs need method polynomial, of up to 16 bits",
        ),
        ({"rounding": "truncate"}, "gated.rounding must be one of half_even, half_up, not 'truncate'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_config_refuses_with_field_rule_and_value(values, line):
    with pytest.raises(ConfigError) as caught:
        GatedConfig(**values)
    assert str(caught.value) == line
