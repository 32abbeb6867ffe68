# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the gate: a matrix product, the requantiser's, the softmax's, and a stable sort."""

import numpy as np

from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats
from gatewright.hw.moe.moe_gate.config import MoeGateConfig
from gatewright.hw.nonlinear.softmax.golden import softmax
from gatewright.hw.quantise.requantise.golden import requantise


def golden(config: MoeGateConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Choose experts for every token of ``i``."""
    beats = inputs["i"]
    x = beats["x"].reshape(-1, config.features)
    gate = beats["gate"][:: config.beats] if config.gates > 1 else np.zeros(len(x), np.int64)
    expert, weight = choose(config, scores(config, x, gate))
    last = np.zeros_like(expert)
    last[:, -1] = 1
    return {"o": {"expert": expert.ravel(), "weight": weight.ravel(), "last": last.ravel()}}


def scores(config: MoeGateConfig, x: Ints, gate: Ints) -> Ints:
    """Score all experts: (tokens, features) and (tokens,) give (tokens, experts)."""
    sums = np.zeros((len(x), config.experts), np.int64)
    for number in np.unique(gate):
        sums[gate == number] = x[gate == number] @ config.matrix[number].T
    multiplier, shift = np.array(config.multipliers)[gate], np.array(config.shifts)[gate]
    return requantise(config.requantise, sums, multiplier[:, np.newaxis], shift[:, np.newaxis])


def choose(config: MoeGateConfig, score: Ints) -> tuple[Ints, Ints]:
    """Give the chosen experts of every token, best first, and their weights, both (tokens, k)."""
    expert = np.argsort(-score, axis=1, kind="stable")[:, : config.k]
    if config.softmax is None:
        return expert, np.full_like(expert, (1 << config.weight_bits) - 1)
    chosen = np.take_along_axis(score, expert, axis=1)
    keep = np.ones((config.softmax.row_max, 1), np.int64)
    rows = score if config.over == "all" else chosen
    weight = np.array([softmax(config.softmax, row[:, np.newaxis], keep).ravel() for row in rows], np.int64)
    return expert, np.take_along_axis(weight, expert, axis=1) if config.over == "all" else weight
