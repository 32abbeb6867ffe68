# SPDX-License-Identifier: BSD-2-Clause
"""Rotary positions: the table and the golden model against the language model's, exact sums, and real angles."""

import math

import numpy as np
import pytest

from gatewright.gen.model.lm_golden import rotated
from gatewright.gen.model.lm_random import random_graph
from gatewright.gen.model.lm_sizes import LmGeometry
from gatewright.hw.attention.rope.config import RopeConfig
from gatewright.hw.attention.rope.golden import golden, rotate
from gatewright.hw.core.errors import ConfigError
from gatewright.tb.attention.tb_rope import BENCH, stimulus

CONFIGS = [*BENCH.grid, *BENCH.mutations]


@pytest.fixture(scope="module")
def graph():
    size = LmGeometry(
        family="transformer", vocab=8, dim=16, layers=1, heads=4, kv_heads=2, head_dim=12, ff=16, context=19
    )
    return random_graph(np.random.default_rng(3), size)


def room_of(graph, **changes):
    size = graph.geometry
    return RopeConfig(
        **{"lanes": 4, "head_dim": size.head_dim, "context": size.context, "base": graph.rope_base}
        | {"shift": graph.formats.rope_shift}
        | changes
    )


def test_the_table_is_the_language_models(graph):
    for own, theirs in zip(room_of(graph).table, graph.rope, strict=True):
        np.testing.assert_array_equal(own, theirs)


def test_golden_turns_heads_as_the_language_model_does_but_for_their_order(graph):
    config, size = room_of(graph), graph.geometry
    rng = np.random.default_rng(1)
    heads = rng.integers(-(2**15), 2**15, (size.context, size.heads, size.head_dim)) >> rng.integers(0, 12)
    position = np.arange(size.context)
    cos, sin = (table[:, np.newaxis] for table in graph.rope)
    neighbours = np.arange(size.head_dim).reshape(2, -1).T.ravel()  # features i and i + head_dim/2 side by side
    found = rotate(config, heads[..., neighbours], position[:, np.newaxis].repeat(size.heads, axis=1))
    np.testing.assert_array_equal(found, rotated(graph, heads, cos, sin)[..., neighbours])


@pytest.mark.parametrize("values", CONFIGS, ids=str)
@pytest.mark.parametrize("kind", ["random", "corners"])
def test_golden_equals_sums_written_out_one_by_one(values, kind):
    config = RopeConfig(**values)
    inputs = stimulus(config, np.random.default_rng(5), kind, 60)
    beats, found = inputs["i"], golden(config, inputs)["o"]
    low, high = -(1 << (config.out_bits - 1)), (1 << (config.out_bits - 1)) - 1
    r, least, most = config.right_shift, 0, 0
    for beat, (x, position) in enumerate(zip(beats["x"].tolist(), beats["position"].tolist(), strict=True)):
        for pair in range(config.lanes // 2):
            entry = beat % config.parts * config.lanes // 2 + pair
            c, s = (int(table[position, entry]) for table in config.table)
            a, b = x[2 * pair : 2 * pair + 2]
            sums = [(a * c - b * s + 2 ** (r - 1)) >> r, (a * s + b * c + 2 ** (r - 1)) >> r]
            least, most = min(least, *sums), max(most, *sums)
            assert found["y"][beat, 2 * pair : 2 * pair + 2].tolist() == [min(max(y, low), high) for y in sums]
    assert config.reach[0] <= least
    assert most <= config.reach[1]
    np.testing.assert_array_equal(found["last"], beats["last"])


@pytest.mark.parametrize("values", CONFIGS, ids=str)
def test_results_are_within_the_promised_error_of_real_angles(values):
    config = RopeConfig(**values)
    rng = np.random.default_rng(2)
    position = rng.integers(0, config.context, 200)
    limit = 1 << (config.in_bits - 1)
    heads = rng.integers(-limit, limit, (200, config.head_dim)) >> rng.integers(0, config.in_bits, (200, 1))
    found = rotate(config, heads, position)
    worst = 0.0
    for head, at, ys in zip(heads.tolist(), position.tolist(), found.tolist(), strict=True):
        for i in range(config.head_dim // 2):
            turn = complex(head[2 * i], head[2 * i + 1]) * 2.0**-config.shift
            angle = at * config.base ** (-2 * i / config.head_dim)
            turn *= complex(math.cos(angle), math.sin(angle))
            for y, real in zip(ys[2 * i : 2 * i + 2], (turn.real, turn.imag), strict=True):
                if -(1 << (config.out_bits - 1)) < y < (1 << (config.out_bits - 1)) - 1:
                    worst = max(worst, abs(y - real))
    assert 0 < worst <= config.error_lsb


@pytest.mark.parametrize("values", CONFIGS, ids=str)
def test_the_reach_is_met_and_fits_the_sums(values):
    config = RopeConfig(**values)
    cos, sin = config.table
    low, high = config.inputs[0].field("x").low, config.inputs[0].field("x").high
    corners = [(a, b) for a in (low, high) for b in (low, high)]
    sums = [f for a, b in corners for f in (a * cos - b * sin, a * sin + b * cos)]
    least, most = int(np.min(sums)), int(np.max(sums))
    half = 1 << (config.right_shift - 1)
    assert config.reach == ((least + half) >> config.right_shift, (most + half) >> config.right_shift)
    assert -(1 << (config.sum_bits - 1)) <= least
    assert most < 1 << (config.sum_bits - 1)


REFUSED = [
    ({"lanes": 6, "head_dim": 6}, "rope.lanes must be a power of two, not 6"),
    ({"lanes": 8, "head_dim": 12}, "rope.head_dim must be a multiple of lanes = 8, not 12"),
    ({"context": 1}, "rope.context must lie in 2..65536, not 1"),
    ({"base": 0.5}, "rope.base must lie in 1.0..1000000000.0, not 0.5"),
    ({"in_bits": 5, "shift": 6}, "rope.shift must be at most in_bits = 5, not 6"),
    ({"shift": 9}, "rope.shift must lie in 0..8, not 9"),
]


@pytest.mark.parametrize(("values", "line"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_config_refuses_with_field_rule_and_value(values, line):
    with pytest.raises(ConfigError) as caught:
        RopeConfig(**values)
    assert str(caught.value) == line
