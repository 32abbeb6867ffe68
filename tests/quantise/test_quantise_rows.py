# SPDX-License-Identifier: BSD-2-Clause
"""The row quantiser's golden model against exact fractions and the published float formula; its timing; its config."""

from fractions import Fraction

import numpy as np
import pytest

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.core.ports import packets
from gatewright.hw.quantise.quantise_rows.config import QuantiseRowsConfig
from gatewright.hw.quantise.quantise_rows.golden import golden, quantise
from gatewright.tb.quantise.tb_quantise_rows import BENCH, stimulus

CONFIGS = [*BENCH.grid, *BENCH.mutations, {"out_bits": 16, "in_bits": 40, "lanes": 16}, {"in_bits": 4, "out_bits": 12}]


def one_row(config, *beats):
    x = np.array(beats, np.int64).reshape(len(beats), config.lanes)
    last = np.zeros(len(beats), np.int64)
    last[-1] = 1
    return {"i": {"x": x, "last": last}}


@pytest.mark.parametrize("values", CONFIGS, ids=str)
@pytest.mark.parametrize("kind", ["random", "corners"])
def test_golden_equals_exact_fractions(values, kind):
    config = QuantiseRowsConfig(**values)
    inputs = stimulus(config, np.random.default_rng(11), kind, 200)
    out = golden(config, inputs)["o"]
    for row in packets(inputs["i"]):
        x = inputs["i"]["x"][row]
        scale = max(abs(int(value)) for value in x.flat)
        expected = [round(Fraction(int(v) * config.levels, scale)) if scale else 0 for v in x.flat]
        assert out["q"][row].ravel().tolist() == expected
        assert set(out["scale"][row].tolist()) == {scale}


def test_the_stimulus_reaches_ties_zeros_and_both_limits():
    config = QuantiseRowsConfig(row_max=12)
    inputs = stimulus(config, np.random.default_rng(2), "corners", 400)
    out = golden(config, inputs)["o"]
    twice = inputs["i"]["x"] * 2 * config.levels
    scale = np.maximum(out["scale"], 1)[:, np.newaxis]
    ties = (twice % scale == 0) & (twice // scale % 2 == 1)
    assert ties.sum() > 50
    assert set(out["q"][ties] % 2) == {0}
    assert (out["scale"] == 0).any()
    assert out["scale"].max() == 1 << (config.in_bits - 1)
    assert (out["q"].min(), out["q"].max()) == (-config.levels, config.levels)


def test_ties_go_to_the_even_code():
    config = QuantiseRowsConfig(lanes=1, out_bits=3)  # levels 3, so with maximum 6 every odd element is a tie
    q = golden(config, one_row(config, 6, 5, 3, 1, -1, -3, -5, -6))["o"]["q"]
    assert q.ravel().tolist() == [3, 2, 2, 0, 0, -2, -2, -3]


@pytest.mark.parametrize("in_bits", [4, 8])
def test_no_code_leaves_the_symmetric_range(in_bits):
    x = np.arange(-(1 << (in_bits - 1)), 1 << (in_bits - 1))
    scale = np.arange(1, (1 << (in_bits - 1)) + 1)[:, np.newaxis]
    q = quantise(np.where(abs(x) <= scale, x, 0), scale, 127)
    assert (q.min(), q.max()) == (-127, 127)
    np.testing.assert_array_equal(q[-1] == -127, x == x.min())


def test_a_row_of_zeros_gives_zeros_and_no_scale():
    config = QuantiseRowsConfig(lanes=2)
    out = golden(config, one_row(config, (0, 0), (0, 0)))["o"]
    assert not out["q"].any()
    assert not out["scale"].any()


def test_beats_after_the_final_last_stay_inside():
    config = QuantiseRowsConfig(lanes=1)
    inputs = {"i": {"x": np.array([[3], [5], [7]]), "last": np.array([0, 1, 0])}}
    assert len(golden(config, inputs)["o"]["q"]) == 2


def test_quantised_rows_equal_the_published_float_formula_away_from_ties():
    # s = 127 / max|x|, q = clip(round(x * s), -128, 127) in single precision may miss a tie, never more.
    config = QuantiseRowsConfig(lanes=1, in_bits=16)
    rng = np.random.default_rng(5)
    x = rng.normal(0, 3000, (64, 512)).astype(np.int64).clip(-32768, 32767)
    peak = np.maximum(abs(x).max(axis=1, keepdims=True), 1)
    exact = quantise(x, peak, config.levels)
    floats = np.clip(np.rint(x.astype(np.float32) * (np.float32(127) / peak.astype(np.float32))), -128, 127)
    differ = floats != exact
    assert differ.mean() < 1e-3
    distance = abs(x * 127 / peak - np.floor(x * 127 / peak) - 0.5)
    assert (distance[differ] < 127 * 2**-22).all()


def test_dequantised_rows_lie_within_half_a_step():
    x = np.random.default_rng(6).integers(-(2**23), 2**23, (8, 300))
    peak = abs(x).max(axis=1, keepdims=True)
    error = x - quantise(x, peak, 127) * peak / 127
    assert (abs(error) <= peak / 254 * (1 + 1e-12)).all()


@pytest.mark.parametrize(("in_bits", "out_bits"), [(4, 3), (4, 8), (6, 5), (7, 2)])
def test_the_reciprocal_tells_every_tie(in_bits, out_bits):
    """Near a tie the fraction reads 0111..1 or 1000..0 above in_bits, and nowhere else: all elements, all maxima."""
    config = QuantiseRowsConfig(in_bits=in_bits, out_bits=out_bits, engine="reciprocal")
    unit = config.fraction_bits
    for peak in range(1, 2 ** (in_bits - 1) + 1):
        reciprocal = (config.levels << unit) // peak
        assert reciprocal < 2**config.reciprocal_bits
        for x in range(-peak, min(peak, 2 ** (in_bits - 1) - 1) + 1):
            fraction = (x * reciprocal % (1 << unit)) >> in_bits
            tie = (2 * x * config.levels / peak) % 2 == 1
            assert (fraction in ((1 << in_bits) - 1, 1 << in_bits)) == tie


def slow_timing(config, lengths):
    """Walk cycle by cycle and beat by beat: enter, wait for the divider if there is one, leave in order."""
    late = config.engine == "reciprocal"
    lasts, inverted, leaves = [], [], []
    cycle = -1
    for index, length in enumerate(lengths):
        cycle += 1
        if late and index >= 2:  # two rows may wait
            cycle = max(cycle, inverted[index - 2] + 1)
        cycle += length - 1
        lasts.append(cycle)
        found = cycle + config.tree_levels + 2
        starts = max([found, *inverted[-1:]]) if late else found
        inverted.append(starts + config.divide_cycles)
        for _ in range(length):
            leaves.append(max([inverted[-1] + config.latency - config.peak_cycles + 1, *[c + 1 for c in leaves[-1:]]]))
    return leaves[0], leaves[-1] + 1


@pytest.mark.parametrize(
    "values", [{}, {"engine": "reciprocal"}, {"engine": "reciprocal", "bits_per_cycle": 4}], ids=str
)
@pytest.mark.parametrize("lengths", [[1], [7], [12, 1, 1, 1, 12], [1] * 30, [60, *[1] * 40, 60, 5, 60, 60], [45] * 8])
def test_timing_follows_the_rows(values, lengths):
    config = QuantiseRowsConfig(row_max=60, **values)
    last = np.zeros(sum(lengths), np.int64)
    last[np.cumsum(lengths) - 1] = 1
    inputs = {"i": {"x": np.zeros((len(last), 4), np.int64), "last": last}}
    assert (config.delay(inputs), config.cycles(inputs)) == slow_timing(config, lengths)


@pytest.mark.parametrize(
    "values", [{}, {"engine": "reciprocal"}, {"engine": "reciprocal", "bits_per_cycle": 4}], ids=str
)
def test_equal_rows_leave_back_to_back_from_the_stated_length_on(values):
    config = QuantiseRowsConfig(**values)
    for length in (config.least_row - 1, config.least_row, config.least_row + 1, 200):
        if length:
            last = np.tile(np.eye(1, length, length - 1, dtype=np.int64)[0], 10)
            inputs = {"i": {"x": np.zeros((len(last), 4), np.int64), "last": last}}
            whole = config.cycles(inputs) == config.delay(inputs) + len(last)
            assert whole == (length >= config.least_row)


REFUSED = [
    ({"lanes": 17}, "quantise_rows.lanes must lie in 1..16, not 17"),
    ({"in_bits": 3}, "quantise_rows.in_bits must lie in 4..40, not 3"),
    ({"out_bits": 17}, "quantise_rows.out_bits must lie in 2..16, not 17"),
    ({"row_max": 0}, "quantise_rows.row_max must lie in 1..4096, not 0"),
    ({"bits_per_stage": 0}, "quantise_rows.bits_per_stage must lie in 1..16, not 0"),
    (
        {"in_bits": 29, "engine": "reciprocal"},
        "quantise_rows.in_bits must be at most 28 for engine reciprocal with out_bits = 8, not 29; use engine digits",
    ),
]


@pytest.mark.parametrize(("values", "line"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_config_refuses_with_field_rule_and_value(values, line):
    with pytest.raises(ConfigError) as caught:
        QuantiseRowsConfig(**values)
    assert str(caught.value) == line
