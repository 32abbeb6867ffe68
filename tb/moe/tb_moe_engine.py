# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the expert engine: sequences whose routes are fair, unfair, and adversarial."""

import numpy as np

from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats
from gatewright.hw.moe.linear.words import param_beats, weight_beats
from gatewright.hw.moe.moe_engine.config import LAYERS, MoeEngineConfig
from gatewright.hw.moe.moe_engine.golden import golden
from gatewright.tb.harness.bench import StreamBench

Parts = dict[str, list[Beats]]


def routes(config: MoeEngineConfig, rng: np.random.Generator) -> list[Ints]:
    """Draw the experts of each token: all to one, none to most, all to all, one each, or at random."""
    experts, tokens = config.experts, config.tokens
    k = int(rng.integers(1, experts + 1))
    match int(rng.integers(5)):
        case 0:
            return [np.array([rng.integers(experts)])] * tokens
        case 1:
            chosen = rng.permutation(experts)[: min(k, 2)]
            return [rng.permutation(chosen) for _ in range(tokens)]
        case 2:
            return [rng.permutation(experts) for _ in range(tokens)]
        case 3:
            return [np.array([token % experts]) for token in range(tokens)]
    return [rng.permutation(experts)[:k] for _ in range(tokens)]


def sequence(config: MoeEngineConfig, rng: np.random.Generator, kind: str, parts: Parts) -> None:
    """Draw one sequence; weights are such that results are neither all saturated nor all zero."""
    edge = rng.choice([-128, 127]) if kind == "corners" and rng.random() < 0.5 else None
    size = (config.tokens, config.features)
    x = rng.integers(-128, 128, size) if edge is None else np.full(size, edge)
    bits = config.row.bits
    r = rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), size)
    if kind == "corners":
        r = np.where(rng.random(size) < 0.5, rng.choice([r.min(), r.max()], size), r >> 6)
    parts["i_x"].append({"x": x.reshape(-1, config.inputs_per_cycle), "last": ends(x.shape, config.inputs_per_cycle)})
    parts["i_r"].append({"x": r.reshape(-1, config.lanes), "last": ends(r.shape, config.lanes)})
    chosen = routes(config, rng)
    top = (1 << config.weight_bits) - 1
    for token, experts in enumerate(chosen):
        weight = rng.integers(0, top + 1, len(experts)) if kind == "random" else rng.choice([0, 1, top], len(experts))
        last = (np.arange(len(experts)) == len(experts) - 1).astype(np.int64)
        final = np.full(len(experts), int(token == config.tokens - 1))
        parts["i_route"].append({"expert": experts, "weight": weight, "last": last, "final": final})
    for _ in np.unique(np.concatenate(chosen)):
        for turn in range(LAYERS):
            layer(config, rng, turn, edge is not None, parts)


def layer(config: MoeEngineConfig, rng: np.random.Generator, turn: int, extreme: bool, parts: Parts) -> None:
    """Draw a layer's matrix and parameters, and cut them into beats."""
    outputs, inputs, linear = config.outputs_of(turn), config.inputs_of(turn), config.linear
    low, high = (-1, 1) if linear.ternary else (-128, 127)
    matrix = rng.integers(low, high, (outputs, inputs), endpoint=True)
    if extreme:
        matrix[:] = rng.choice([low, high], (outputs, 1))
    weights = weight_beats(linear, matrix)
    final = (np.arange(len(weights["last"])) == len(weights["last"]) - 1).astype(np.int64)
    parts["i_w"].append({**weights, "final": final})
    param = param_beats(linear, **(scales if rng.random() < 0.6 else any_scales)(config, rng, turn))
    final = (np.arange(len(param["bias"])) == len(param["bias"]) - 1).astype(np.int64)
    parts["i_param"].append({**param, "final": final})


def scales(config: MoeEngineConfig, rng: np.random.Generator, turn: int) -> dict[str, Ints]:
    """Draw parameters that make a typical row's results small, in the second layer wide; shifts are small."""
    outputs, inputs, linear = config.outputs_of(turn), config.inputs_of(turn), config.linear
    # A shift of 16 behind a multiplier of 2**16 over the root of the row's energy gives a result of a few bits.
    spread = int((1 << 22) / (74 * (0.8 if linear.ternary else 74) * np.sqrt(inputs))) << (8 if turn else 0)
    return {
        "bias": rng.integers(-5000, 5000, outputs),
        "multiplier": rng.integers(1, max(2, min(65535, spread)), outputs),
        "shift": rng.integers(0, 3, outputs),
    }


def any_scales(config: MoeEngineConfig, rng: np.random.Generator, turn: int) -> dict[str, Ints]:
    """Draw parameters from their whole ranges, biases such that few results are saturated."""
    outputs, linear = config.outputs_of(turn), config.linear
    shift = rng.integers(0, 1 << linear.shift_bits, outputs)
    multiplier = rng.integers(0, 1 << linear.multiplier_bits, outputs)
    room = (1 << (linear.out_bits - 1 if turn else 8)) << (linear.shift_min + shift)
    most = np.minimum(room // np.maximum(multiplier, 1), (1 << (linear.bias_bits - 1)) - 1)
    return {"bias": rng.integers(-most - 1, most, endpoint=True), "multiplier": multiplier, "shift": shift}


def ends(shape: tuple[int, ...], width: int) -> Ints:
    """Mark the last beat of each row."""
    beats = shape[1] // width
    return np.tile((np.arange(beats) == beats - 1).astype(np.int64), shape[0])


def stimulus(config: MoeEngineConfig, rng: np.random.Generator, kind: str, size: int) -> dict[str, Beats]:
    """Draw sequences of about ``size`` beats of weights in all; at least one."""
    parts: Parts = {port.name: [] for port in config.inputs}
    while not parts["i_w"] or sum(len(part["last"]) for part in parts["i_w"]) < size:
        sequence(config, rng, kind, parts)
    return {
        port: {name: np.concatenate([beats[name] for beats in found]).astype(np.int64) for name in found[0]}
        for port, found in parts.items()
    }


GRID = (
    {"tokens": 5, "features": 8, "hidden": 12, "experts": 3, "inputs_per_cycle": 4, "outputs_per_cycle": 4},
    {"tokens": 1, "features": 4, "hidden": 4, "experts": 2, "inputs_per_cycle": 2, "outputs_per_cycle": 2, "lanes": 1},
    {"tokens": 7, "features": 6, "hidden": 6, "experts": 1, "inputs_per_cycle": 3, "outputs_per_cycle": 3, "lanes": 3,
     "activation": {"function": "relu"}},
    {"tokens": 4, "features": 16, "hidden": 24, "experts": 4, "method": "fold", "inputs_per_cycle": 8, "group": 4,
     "outputs_per_cycle": 4, "lanes": 2, "weight_bits": 8},
)  # fmt: skip

BENCH = StreamBench(
    config=MoeEngineConfig,
    golden=golden,
    grid=GRID,
    mutation={"tokens": 7, "features": 4, "hidden": 6, "experts": 2, "inputs_per_cycle": 2, "outputs_per_cycle": 2,
              "lanes": 1, "weight_bits": 3, "activation": {"function": "relu"}},
    apart=("queue", "linear", "fork", "ahead_?", "weights", "params"),  # rooms with benches of their own
    stimulus=stimulus,
    size=60,
)  # fmt: skip
