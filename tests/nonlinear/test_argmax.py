# SPDX-License-Identifier: BSD-2-Clause
"""The greatest element's golden model against Python's own maximum; what the stimulus reaches; the config."""

import numpy as np
import pytest

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.core.ports import packets
from gatewright.hw.nonlinear.argmax.config import ArgmaxConfig
from gatewright.hw.nonlinear.argmax.golden import golden
from gatewright.tb.nonlinear.tb_argmax import BENCH, stimulus


@pytest.mark.parametrize("values", [*BENCH.grid, *BENCH.mutations], ids=str)
@pytest.mark.parametrize("kind", ["random", "corners"])
def test_golden_is_the_first_greatest_of_each_packet(values, kind):
    config = ArgmaxConfig(**values)
    inputs = stimulus(config, np.random.default_rng(6), kind, 300)
    rows = [inputs["i"]["x"][packet].ravel().tolist() for packet in packets(inputs["i"])]
    found = golden(config, inputs)["o"]
    assert found["value"].tolist() == [max(row) for row in rows]
    assert found["index"].tolist() == [row.index(max(row)) for row in rows]


def test_the_stimulus_has_ties_longest_packets_and_winners_at_both_ends():
    config = ArgmaxConfig(lanes=2, elements=8, in_bits=6)
    beats = stimulus(config, np.random.default_rng(1), "random", 400)["i"]
    rows = [beats["x"][packet].ravel().tolist() for packet in packets(beats)]
    assert {len(row) for row in rows} == {2, 4, 6, 8}
    assert any(row.count(max(row)) > 2 for row in rows)
    assert {row.index(max(row)) for row in rows if len(row) == 8} == set(range(8))


@pytest.mark.parametrize(("lanes", "levels"), [(1, 0), (2, 1), (3, 2), (8, 3), (12, 4)])
def test_a_packet_costs_its_beats_and_the_levels_of_comparisons(lanes, levels):
    config = ArgmaxConfig(lanes=lanes, elements=5 * lanes)
    inputs = {"i": {"last": np.array([0, 0, 1, 1, 0, 0, 0, 0, 1])}}
    assert config.delay(inputs) == 2 + levels + 1
    assert config.cycles(inputs) == 9 + levels + 1


REFUSED = [
    ({"lanes": 17}, "argmax.lanes must lie in 1..16, not 17"),
    ({"lanes": 3, "elements": 256}, "argmax.elements must be a multiple of lanes = 3, not 256"),
    ({"elements": 1}, "argmax.elements must lie in 2..262144, not 1"),
    ({"in_bits": 49}, "argmax.in_bits must lie in 2..48, not 49"),
]


@pytest.mark.parametrize(("values", "line"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_config_refuses_with_field_rule_and_value(values, line):
    with pytest.raises(ConfigError) as caught:
        ArgmaxConfig(**values)
    assert str(caught.value) == line
