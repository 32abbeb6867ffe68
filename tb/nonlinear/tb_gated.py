# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the gated unit: all pairs where words are narrow, products at ties and limits otherwise."""

import numpy as np

from gatewright.hw.core.ports import Beats
from gatewright.hw.nonlinear.activation.golden import activation
from gatewright.hw.nonlinear.gated.config import GatedConfig
from gatewright.hw.nonlinear.gated.golden import golden
from gatewright.tb.harness.bench import StreamBench, draw_corners, random_last
from gatewright.tb.nonlinear.tb_activation import every


def stimulus(config: GatedConfig, rng: np.random.Generator, kind: str, size: int) -> dict[str, Beats]:
    """Draw gates, then elements: uniform, extreme, or such that the product is next to a tie or a limit."""
    port = config.inputs[0]
    gate, element = port.field("g"), port.field("u")
    if kind == "corners":
        return {"i": {"g": draw_corners(gate, rng, size), "u": draw_corners(element, rng, size), **_last(rng, size)}}
    if gate.bits + element.bits <= 10:
        pairs = rng.permutation(-(-size * gate.count >> gate.bits + element.bits) << gate.bits + element.bits)
        pairs = pairs[: size * gate.count].reshape(size, gate.count)
        g = gate.low + (pairs & ((1 << gate.bits) - 1))
        u = element.low + (pairs >> gate.bits & ((1 << element.bits) - 1))
        return {"i": {"g": g, "u": u, **_last(rng, size)}}
    g, u = every(gate, rng, size), every(element, rng, size)
    a = activation(config.activation, g)
    half = 1 << config.shift >> 1
    edge = 1 << (config.out_bits - 1 + config.shift)
    wanted = rng.choice([-edge, edge, 0], g.shape) + half * rng.integers(-5, 6, g.shape)
    aimed = np.clip(wanted // np.where(a == 0, 1, a), element.low, element.high)
    return {"i": {"g": g, "u": np.where(rng.random(g.shape) < 0.5, aimed, u), **_last(rng, size)}}


def _last(rng: np.random.Generator, size: int) -> Beats:
    return {"last": random_last(rng, size)}


TINY = {"in_bits": 4, "in_fraction": 1, "middle_bits": 5, "middle_fraction": 1, "u_bits": 4, "shift": 3, "out_bits": 4}

BENCH = StreamBench(
    config=GatedConfig,
    golden=golden,
    grid=(
        {"lanes": 2},
        {"function": "sigmoid", "method": "table", "middle_bits": 8, "middle_fraction": 8, "shift": 8},
        {"function": "gelu", "method": "polynomial", "in_bits": 12, "in_fraction": 8, "rounding": "half_up"},
        {"function": "relu", "in_scale": 3, "in_fraction": 5, "middle_scale": 3, "middle_fraction": 5, "shift": 7},
        {"function": "relu2", "u_bits": 16, "shift": 14, "out_bits": 16, "middle_fraction": 8},
    ),
    mutation=(TINY, TINY | {"function": "sigmoid", "middle_fraction": 4, "rounding": "half_up"}),
    stimulus=stimulus,
    size=300,
    mutation_size=300,
)
