# SPDX-License-Identifier: BSD-2-Clause
"""The dequantiser's golden model against exact fractions, and behind the row quantiser against real products."""

import math
from fractions import Fraction

import numpy as np
import pytest

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.quantise.dequantise.config import DequantiseConfig
from gatewright.hw.quantise.dequantise.golden import dequantise, golden
from gatewright.hw.quantise.quantise_rows.golden import quantise
from gatewright.tb.quantise.tb_dequantise import BENCH, stimulus


def rounded(x: Fraction, rounding: str) -> int:
    return round(x) if rounding == "half_even" else math.floor(x + Fraction(1, 2))


@pytest.mark.parametrize("values", [*BENCH.grid, *BENCH.mutations, {"shift_min": 0, "shift_bits": 6}], ids=str)
@pytest.mark.parametrize("kind", ["random", "corners"])
def test_golden_equals_exact_fractions(values, kind):
    config = DequantiseConfig(**values)
    inputs = stimulus(config, np.random.default_rng(7), kind, 300)
    beats, y = inputs["i"], golden(config, inputs)["o"]["y"]
    high = 2 ** (config.out_bits - 1) - 1
    codes = beats.get("shift", np.zeros_like(beats["multiplier"]))
    per_lane = [np.broadcast_to(a.reshape(len(y), -1), y.shape) for a in (beats["multiplier"], codes, beats["scale"])]
    expected = []
    for acc, multiplier, code, scale in zip(beats["acc"].flat, *(a.flat for a in per_lane), strict=True):
        exact = Fraction(int(acc) * int(multiplier) * int(scale), 2 ** (config.shift_min + int(code)))
        expected.append(max(-high - 1, min(rounded(exact, config.rounding), high)))
    np.testing.assert_array_equal(y.ravel(), expected)
    assert {-high - 1, high} <= set(expected)  # the stimulus saturates both ways


@pytest.mark.parametrize(
    ("rounding", "halves"), [("half_even", [-2, -2, 0, 0, 2, 2]), ("half_up", [-2, -1, 0, 1, 2, 3])]
)
def test_ties_go_where_the_name_says(rounding, halves):
    acc = np.array([-5, -3, -1, 1, 3, 5])
    assert dequantise(acc, np.int64(2), np.int64(3), np.int64(2), rounding, 8).tolist() == [
        rounded(Fraction(3 * a, 2), rounding) for a in acc.tolist()
    ]
    assert dequantise(acc, np.int64(1), np.int64(1), np.int64(1), rounding, 8).tolist() == halves


def test_rows_quantised_multiplied_and_dequantised_come_near_the_real_product():
    """y = acc / s * w of the published kernels, in units of 2**-8, with one rounding after the exact product."""
    rng = np.random.default_rng(9)
    unit, weight_scale, step = 2.0**-10, 0.037, 2.0**-8
    x, weights = rng.integers(-32768, 32768, (20, 256)), rng.integers(-1, 2, (256, 32))
    peak = abs(x).max(axis=1, keepdims=True)
    acc = quantise(x, peak, 127) @ weights
    config = DequantiseConfig(acc_bits=20, scale_bits=16, multiplier_bits=16, shift_min=31, out_bits=24)
    multiplier = round(unit * weight_scale / (127 * step) * 2**config.shift_min)
    y = dequantise(acc, peak, np.int64(multiplier), np.int64(config.shift_min), "half_even", config.out_bits)
    real = acc * (peak * unit) / 127 * weight_scale / step
    # Half a unit of rounding, and the multiplier's own error of half a unit in 16 bits.
    assert (abs(y - real) <= 0.5 + abs(real) * 0.5 / multiplier + 1e-6).all()
    assert multiplier >= 2**13


def test_a_row_of_zeros_stays_zero():
    acc = np.arange(-4, 5)
    assert not dequantise(acc, np.int64(0), np.int64(65535), np.int64(0), "half_even", 8).any()


@pytest.mark.parametrize("scope", ["tensor", "channel"])
def test_latency_counts_the_scales_and_the_requantiser(scope):
    config = DequantiseConfig(scope=scope)
    assert config.latency == 1 + config.rescale.latency
    assert config.rescale.multiplier_bits == config.scale_bits + config.multiplier_bits


REFUSED = [
    ({"lanes": 0}, "dequantise.lanes must lie in 1..64, not 0"),
    ({"out_bits": 33}, "dequantise.out_bits must lie in 2..32, not 33"),
    ({"rounding": "truncate"}, "dequantise.rounding must be one of half_even, half_up, not 'truncate'"),
    (
        {"acc_bits": 8, "scale_bits": 8, "multiplier_bits": 8},
        "dequantise.shift_min must be at most 23, to stay inside the product, not 24",
    ),
]


@pytest.mark.parametrize(("values", "line"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_config_refuses_with_field_rule_and_value(values, line):
    with pytest.raises(ConfigError) as caught:
        DequantiseConfig(**values)
    assert str(caught.value) == line
