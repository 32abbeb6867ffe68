# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the gate: random tokens, tokens that pull towards one expert, ties, sums at both ends."""

import numpy as np

from gatewright.hw.moe.moe_gate.config import MoeGateConfig
from gatewright.hw.moe.moe_gate.golden import golden
from gatewright.hw.moe.moe_gate.weights import rows_of
from gatewright.tb.harness.bench import Inputs, StreamBench


def stimulus(config: MoeGateConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Draw whole tokens until ``size`` beats are full."""
    tokens = -(-size // config.beats)
    gate = rng.integers(config.gates, size=tokens)
    x = np.array([_token(config, rng, kind, int(number)) for number in gate])
    last = np.zeros((tokens, config.beats), np.int64)
    last[:, -1] = 1
    beats = {"x": x.reshape(-1, config.lanes), "last": last.ravel()}
    if config.gates > 1:
        beats["gate"] = np.repeat(gate, config.beats)
    return {"i": beats}


def _token(config: MoeGateConfig, rng: np.random.Generator, kind: str, gate: int) -> np.ndarray:
    """Draw a token: uniform, small, nearly nothing, or along or against an expert's weights."""
    style = int(rng.integers(2, 6) if kind == "corners" else rng.integers(6))
    x = rng.integers(-128, 128, config.features)
    if style < 2:
        return x
    if style == 2:
        return x >> int(rng.integers(1, 8))
    if style == 3:
        return np.where(rng.random(config.features) < 0.2, x, 0)
    row = config.matrix[gate, rng.integers(config.experts)]
    sign = np.sign(row) * rng.choice([-1, 1])
    if style == 4:  # sums at both ends
        return np.where(sign < 0, -128, 127 * sign)
    return np.clip(sign * rng.integers(0, 128, config.features) >> int(rng.integers(8)), -128, 127)


def matrices(gates: int, experts: int, features: int) -> tuple[str, ...]:
    """Draw weights; two experts of every gate are alike, so that ties are sure."""
    found = np.random.default_rng(experts).integers(-128, 128, (gates, experts, features))
    found[:, -1] = found[:, experts // 2]
    return rows_of(found)


SMALL = {
    "features": 12, "lanes": 3, "experts": 4, "k": 2, "shifts": [8], "weight_bits": 6, "score_bits": 6,
    "scale_fraction": 2, "weights": matrices(1, 4, 12),
}  # fmt: skip
TASKS = {"gates": 3, "multipliers": [3, 5, 5], "shifts": [9, 8, 11], "weights": matrices(3, 4, 12)}
# Fewer beats than experts and many results: tokens wait for each other at both ends.
TINY = {
    "features": 4, "lanes": 2, "experts": 5, "k": 4, "gates": 2, "multipliers": [1, 3], "shifts": [11, 12],
    "weight_bits": 4, "score_bits": 4, "scale_fraction": 1, "weights": matrices(2, 5, 4),
}  # fmt: skip

BENCH = StreamBench(
    config=MoeGateConfig,
    golden=golden,
    grid=(
        SMALL,
        SMALL | TASKS | {"algorithm": "online", "k": 4},
        SMALL | TASKS | {"over": "chosen", "algorithm": "two_pass"},
        SMALL | {"over": "chosen", "k": 3, "lanes": 1, "algorithm": "base2"},
        SMALL | {"over": "chosen", "k": 1, "lanes": 12},
        {"features": 32, "lanes": 8, "experts": 7, "k": 3, "weights": matrices(1, 7, 32)},
    ),
    mutation=(TINY, TINY | {"over": "chosen"}),
    stimulus=stimulus,
    size=120,
)
