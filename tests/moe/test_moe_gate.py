# SPDX-License-Identifier: BSD-2-Clause
"""The gate's golden model against exact fractions and the real softmax; its weights; its timing; its config."""

import math
from fractions import Fraction

import numpy as np
import pytest

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.moe.moe_gate.config import MoeGateConfig
from gatewright.hw.moe.moe_gate.golden import choose, golden, scores
from gatewright.hw.moe.moe_gate.weights import demo_rows, image, matrix_of, rows_of
from gatewright.tb.moe.tb_moe_gate import BENCH, SMALL, TASKS, matrices, stimulus

CASES = [
    {},
    *BENCH.grid,
    *BENCH.mutations,
    *(
        {"algorithm": name, "over": over, "k": 3}
        for name in ("online", "two_pass", "base2")
        for over in ("all", "chosen")
    ),
    {"weight_bits": 16, "score_bits": 10, "scale_fraction": 6, "shifts": [7]},
]


def score_of(config, x, gate, expert):
    """Score by exact fractions: half up, saturated."""
    total = sum(a * b for a, b in zip(x, config.matrix[gate, expert].tolist(), strict=True))
    real = Fraction(total * config.multipliers[gate], 2 ** config.shifts[gate])
    most = 2 ** (config.score_bits - 1)
    return max(-most, min(math.floor(real + Fraction(1, 2)), most - 1))


def weights_of(config, row):
    """Give the real softmax of scores, in units of a weight."""
    step = config.scale / 2**config.scale_fraction
    powers = [math.exp((score - max(row)) * step) for score in row]
    return [power / sum(powers) * 2**config.weight_bits for power in powers]


@pytest.mark.parametrize("values", CASES, ids=lambda values: str(values)[:90])
@pytest.mark.parametrize("kind", ["random", "corners"])
def test_golden_equals_exact_scores_and_the_real_softmax_within_its_bound(values, kind):
    config = MoeGateConfig(**values)
    inputs = stimulus(config, np.random.default_rng(5), kind, 40 * config.beats)
    out = {name: column.reshape(40, config.k).tolist() for name, column in golden(config, inputs)["o"].items()}
    tokens = inputs["i"]["x"].reshape(40, config.features).tolist()
    gates = inputs["i"].get("gate", np.zeros(40 * config.beats, np.int64))[:: config.beats].tolist()
    worst = 0.0
    for token, (x, gate) in enumerate(zip(tokens, gates, strict=True)):
        score = [score_of(config, x, gate, expert) for expert in range(config.experts)]
        chosen = sorted(range(config.experts), key=lambda expert: -score[expert])[: config.k]
        assert out["expert"][token] == chosen
        assert out["last"][token] == [0] * (config.k - 1) + [1]
        over = score if config.over == "all" else [score[expert] for expert in chosen]
        real = weights_of(config, over)
        real = [real[expert] for expert in chosen] if config.over == "all" else real
        worst = max(worst, *(abs(a - b) for a, b in zip(out["weight"][token], real, strict=True)))
    assert worst <= config.error_lsb + 1e-6


def test_the_stimulus_reaches_ties_and_both_ends_of_a_score():
    config = MoeGateConfig(**SMALL | TASKS)
    inputs = stimulus(config, np.random.default_rng(1), "random", 400)["i"]
    score = scores(config, inputs["x"].reshape(-1, 12), inputs["gate"][:: config.beats])
    assert {-32, 31} <= set(score.ravel().tolist())
    assert any(len(set(row)) < 4 for row in score.tolist())


def test_all_keeps_its_part_and_chosen_adds_up_to_one():
    score = np.array([[0, 0, 0, 0, 0, 0, 0, 0]])
    expert, weight = choose(MoeGateConfig(k=2), score)
    assert (expert.tolist(), weight.tolist()) == ([[0, 1]], [[512, 512]])  # an eighth each: not scaled up
    expert, weight = choose(MoeGateConfig(k=2, over="chosen"), score)
    assert (expert.tolist(), weight.tolist()) == ([[0, 1]], [[2048, 2048]])
    config = MoeGateConfig(k=1, over="chosen")
    assert config.softmax is None
    assert choose(config, score)[1].tolist() == [[4095]]


def test_weights_are_written_and_read_alike():
    matrix = np.random.default_rng(2).integers(-128, 128, (3, 4, 12))
    rows = rows_of(matrix)
    np.testing.assert_array_equal(matrix_of(rows, 4), matrix)
    assert [len(row) for row in rows] == [24] * 12
    word = image(matrix, 3)[1 * 4 + 2]  # gate 1, beat 2
    octets = [(word >> (8 * k) & 255 ^ 128) - 128 for k in range(12)]
    assert octets == matrix[1, :, 6:9].ravel().tolist()
    assert len(demo_rows()) == MoeGateConfig().experts


def test_sums_never_leave_their_width():
    for values in CASES:
        config = MoeGateConfig(**values)
        for sign in (-1, 1):
            x = np.where(config.matrix * sign < 0, -128, 127)
            sums = (config.matrix * x).sum(axis=-1)
            assert abs(sums).max() < 1 << (config.acc_bits - 1)


@pytest.mark.parametrize(("lanes", "experts"), [(4, 8), (64, 8), (1, 8), (16, 4)])
@pytest.mark.parametrize("over", ["all", "chosen"])
def test_tokens_follow_at_the_beats_or_the_experts_whichever_are_more(lanes, experts, over):
    config = MoeGateConfig(features=64, lanes=lanes, experts=experts, over=over, weights=matrices(1, experts, 64))
    times = [config.cycles({"i": {"last": np.zeros(count * config.beats)}}) for count in (1, 2, 30)]
    assert times[1] - times[0] == max(64 // lanes, experts)
    assert times[2] - times[0] == 29 * max(64 // lanes, experts)


REFUSED = [
    ({"lanes": 5}, "moe_gate.lanes must divide features = 16, not 5"),
    ({"experts": 1}, "moe_gate.k must be at most experts = 1, not 2"),
    ({"gates": 2}, "moe_gate.multipliers must hold 2 numbers, not 1"),
    ({"multipliers": [-1]}, "moe_gate.multipliers[0] must lie in 0..131071, not -1"),
    ({"shifts": [48]}, "moe_gate.shifts[0] must lie in 0..47, not 48"),
    ({"weights": ["00" * 16] * 7}, "moe_gate.weights must hold 8 rows, not 7"),
    ({"weights": ["00" * 15] * 8}, "moe_gate.weights[0] must have 32 hexadecimal digits, not 30"),
    ({"weights": ["0g" * 16] * 8}, "moe_gate.weights[0] must hold only hexadecimal digits, not 'g'"),
    ({"algorithm": "fixed_phi"}, "moe_gate.algorithm must be one of exact, online, two_pass, base2, not 'fixed_phi'"),
    (
        {"lanes": 16, "experts": 2, "weights": ["00" * 16] * 2},
        "moe_gate.features / lanes or experts must be at least 3 for the softmax to keep up, not 1 and 2",
    ),
]


@pytest.mark.parametrize(("values", "line"), REFUSED, ids=lambda value: str(value)[:60])
def test_a_config_refuses_with_field_rule_and_value(values, line):
    with pytest.raises(ConfigError) as caught:
        MoeGateConfig(**values)
    assert str(caught.value) == line
