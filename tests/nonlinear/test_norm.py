# SPDX-License-Identifier: BSD-2-Clause
"""The norms' golden model against float64, its error bound, its integers; their timing and config."""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.nonlinear.norm.config import NormConfig
from gatewright.hw.nonlinear.norm.golden import golden, normalise, normalise_and_quantise, radicand, row_scale
from gatewright.tb.nonlinear.tb_norm import BENCH, stimulus

SIZES = [64, 100, 256, 1000, 4096]
INT8 = {"weight_bits": 8, "bias_bits": 10, "out_bits": 8}
INT16 = {"in_bits": 16, "weight_bits": 16, "bias_bits": 18, "out_bits": 16}


def hard_rows(config: NormConfig, rng: np.random.Generator) -> list[np.ndarray]:
    """Give rows that are flat, alternate, hold one spike, or are drawn from bells of every width."""
    count, low, high = config.elements, -(1 << (config.in_bits - 1)), (1 << (config.in_bits - 1)) - 1
    place = int(rng.integers(count))
    rows = [np.full(count, value) for value in (0, 1, -1, low, high)]
    for a, b in ((low, high), (0, 1), (-1, 1), (high - 1, high), (low, 0)):
        rows.append(np.where(np.arange(count) % 2, a, b))
    for base in (0, 1, low, high):
        for spike in (1, -1, low, high, 3, high // 2):
            row = np.full(count, base)
            row[place] = spike
            rows.append(row)
    for width in (0.3, 1, 3, 10, 40, 100):
        for middle in (0, int(rng.integers(low // 2, high // 2))):
            rows.append(np.clip(np.rint(rng.normal(middle, width, count)), low, high).astype(np.int64))
    return rows


def real_norm(config: NormConfig, x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """Normalise in float64, as the formula stands; a row of no spread gives zeros."""
    epsilon = config.epsilon / config.elements
    values = x - x.mean() if config.kind == "layer" else x.astype(np.float64)
    spread = math.sqrt((values * values).mean() + epsilon)
    unit = values / spread if spread else np.zeros_like(values)
    return (unit * weight + (0 if bias is None else bias)) / 2.0**config.weight_fraction


@pytest.mark.parametrize("kind", ["rms", "layer"])
@pytest.mark.parametrize("elements", SIZES)
@pytest.mark.parametrize(("formats", "epsilon"), [(INT8, 0), (INT8, 50), (INT16, 0)], ids=["int8", "eps", "int16"])
def test_static_output_stays_within_its_bound_of_the_real_norm(kind, elements, formats, epsilon):
    config = NormConfig(kind=kind, elements=elements, epsilon=epsilon, **formats)
    rng = np.random.default_rng(elements)
    most = 1 << (config.out_bits - 1)
    worst = 0.0
    for x in hard_rows(config, rng):
        for weight in (np.full(elements, -(1 << (config.weight_bits - 1))), draw(rng, config.weight_bits, elements)):
            bias = draw(rng, config.bias_bits, elements) if kind == "layer" else None
            real = np.clip(real_norm(config, x, weight, bias), -most, most - 1)
            worst = max(worst, float(np.abs(normalise(config, x, weight, bias) - real).max()))
    assert 0.5 < worst <= config.error_bound < 1


def draw(rng: np.random.Generator, bits: int, count: int) -> np.ndarray:
    return rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), count)


@pytest.mark.parametrize("kind", ["rms", "layer"])
@pytest.mark.parametrize("elements", SIZES)
def test_dynamic_output_is_the_real_norm_quantised_and_its_scale_is_close(kind, elements):
    config = NormConfig(kind=kind, output="dynamic", elements=elements)
    rng = np.random.default_rng(elements)
    for x in hard_rows(config, rng):
        weight = draw(rng, config.weight_bits, elements)
        q, scale = normalise_and_quantise(config, x, weight)
        real = real_norm(config, x, weight, None)
        peak = float(np.abs(real).max())
        if peak < 1e-9:
            assert scale == 0
            assert not q.any()
            continue
        # Ties are exact in the hardware and blurred in float64.
        assert np.abs(q - real * 127 / peak).max() <= config.error_bound + 1e-9
        assert abs(scale / 2**config.scale_fraction - peak) <= peak * config.scale_error + 2**-config.scale_fraction


@pytest.mark.parametrize("kind", ["rms", "layer"])
def test_every_row_of_a_tiny_norm_rounds_within_the_bound(kind):
    config = NormConfig(kind=kind, elements=3, in_bits=3, weight_bits=4, weight_fraction=1, out_bits=4, guard_bits=2)
    for index in range(8**3):
        x = np.array([index % 8, index // 8 % 8, index // 64]) - 4
        for weight in (-8, 5, 7):
            q = normalise(config, x, np.full(3, weight))
            real = np.clip(real_norm(config, x, np.full(3, weight), None), -8, 7)
            assert np.abs(q - real).max() <= config.error_bound


def test_the_radicand_is_a_sum_of_squares_of_differences():
    rng = np.random.default_rng(1)
    for elements in (2, 3, 16, 100):
        config = NormConfig(kind="layer", elements=elements, in_bits=16)
        for x in hard_rows(config, rng):
            differences = np.subtract.outer(x, x).astype(object)
            assert radicand(config, x) == (differences * differences).sum() // 2 >= 0
            assert radicand(config, x) == 0 or config.radicand_least <= radicand(config, x) <= config.radicand_most


@pytest.mark.parametrize("elements", [64, 100, 1000, 4096])
@pytest.mark.parametrize("kind", ["rms", "layer"])
def test_every_scale_is_within_its_bound_and_its_width(kind, elements):
    config = NormConfig(kind=kind, elements=elements)
    rng = np.random.default_rng(2)
    top = config.radicand_most.bit_length()
    values = {config.radicand_least, config.radicand_most}
    values |= {1 << bit for bit in range(top)} | {(1 << bit) - 1 for bit in range(1, top + 1)}
    values |= {int(value) >> int(rng.integers(top)) for value in rng.integers(config.radicand_most, size=2000)}
    for value in sorted(value for value in values if config.radicand_least <= value <= config.radicand_most):
        digits, exponent = row_scale(config, value)
        assert 0 < digits < 1 << config.scale_bits
        assert 0 <= exponent >> config.fine_bits < config.shift_codes
        shift = config.unit_shift + (exponent >> config.fine_bits << config.fine_bits) + config.unit_fraction
        factor = elements if kind == "rms" else 1
        square = Fraction(digits * digits * value, factor) * Fraction(1, 4) ** shift  # of scale over inverse root
        assert (1 - config.scale_error) ** 2 <= square <= (1 + config.scale_error) ** 2


@pytest.mark.parametrize("bias", [-300, 0, 7, 511])
def test_rows_without_spread_give_their_bias(bias):
    config = NormConfig(kind="layer", elements=64)
    rounded = max(-128, min(math.floor(Fraction(bias, 4) + Fraction(1, 2)), 127))
    for value in (-128, 0, 5, 127):
        q = normalise(config, np.full(64, value), np.full(64, -128), np.full(64, bias))
        assert (q == rounded).all()
    zeros = np.zeros(64, np.int64)
    assert not normalise(NormConfig(elements=64), zeros, np.full(64, 127)).any()


def test_a_short_row_counts_as_filled_up_with_zeros():
    rng = np.random.default_rng(3)
    config = NormConfig(elements=16)
    x, weight = draw(rng, 8, 16), draw(rng, 8, 16)
    x[10:] = 0
    np.testing.assert_array_equal(normalise(config, x[:10], weight[:10]), normalise(config, x, weight)[:10])


@pytest.mark.parametrize("values", [*BENCH.grid, {}, {"output": "dynamic", "lanes": 4, "elements": 1024}], ids=str)
def test_long_rows_follow_each_other_without_a_bubble(values):
    config = NormConfig(**values)
    length = config.smooth_beats
    ends = list(config.leave([length] * 20))
    assert all(b - a == length for a, b in pairwise(ends[5:]))
    short = list(config.leave([length - 1] * 20))
    assert short[-1] - short[-2] == length
    assert config.latency == config.delay({"i": {"last": np.array([1])}, "i_weight": {}})


def test_an_unfinished_row_gives_nothing():
    config = NormConfig(elements=8)
    inputs = stimulus(config, np.random.default_rng(4), "random", 6)
    inputs["i"]["last"][:] = 0
    assert len(golden(config, inputs)["o"]["q"]) == 0


REFUSED = [
    ({"kind": "batch"}, "norm.kind must be one of rms, layer, not 'batch'"),
    ({"elements": 1}, "norm.elements must lie in 2..4096, not 1"),
    ({"in_bits": 17}, "norm.in_bits must lie in 3..16, not 17"),
    (
        {"kind": "layer", "lanes": 3},
        "norm.elements must be a multiple of lanes = 3 for kind layer, not 256",
    ),
    (
        {"out_bits": 3, "guard_bits": 1, "elements": 257},
        "norm.elements must be at most 256 with out_bits + guard_bits = 4, not 257",
    ),
    (
        {"kind": "layer", "output": "dynamic", "in_bits": 16, "elements": 4096, "weight_bits": 12},
        "norm.weight_bits must be at most 11 for a dynamic output of these elements, not 12",
    ),
]


@pytest.mark.parametrize(("values", "line"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_config_refuses_with_field_rule_and_value(values, line):
    with pytest.raises(ConfigError) as caught:
        NormConfig(**values)
    assert str(caught.value) == line
