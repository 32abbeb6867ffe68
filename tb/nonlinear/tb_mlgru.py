# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the linear recurrence: layers in any order, often the same one again, states that start anew."""

import numpy as np

from gatewright.hw.nonlinear.mlgru.config import MlgruConfig
from gatewright.hw.nonlinear.mlgru.golden import golden
from gatewright.tb.harness.bench import Inputs, StreamBench, draw, draw_corners


def stimulus(config: MlgruConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Draw about ``size`` beats: whole jobs, at least one, of which the first in each layer is a ``first``."""
    jobs = max(1, size // config.beats)
    beats = jobs * config.beats
    layer = np.where(rng.random(jobs) < 0.5, 0, rng.integers(0, config.layers, jobs))
    layer += np.repeat(rng.integers(0, config.layers, -(-jobs // 6)), 6)[:jobs]
    layer %= config.layers
    first = (rng.random(jobs) < 0.1).astype(np.int64)
    first[np.unique(layer, return_index=True)[1]] = 1

    pick = draw_corners if kind == "corners" else draw
    gates, bounds = config.inputs[1], config.inputs[2].field("bound")
    f, c = (pick(gates.field(name), rng, beats) for name in ("f", "c"))
    bound = pick(bounds, rng, beats)
    if kind == "random":  # half of the bounds are low, so that much is forgotten; extremes meet extremes
        bound >>= rng.choice([0, bounds.bits // 2], bound.shape)
        extreme = draw_corners(gates.field("c"), rng, beats)
        c = np.where(rng.random(c.shape) < 0.2, extreme, c)
        bound = np.where(rng.random(bound.shape) < 0.2, rng.choice([0, 1, bounds.high], bound.shape), bound)
    last = np.zeros(beats, np.int64)
    last[config.beats - 1 :: config.beats] = 1
    return {
        "i_job": {"layer": layer, "first": first},
        "i": {"f": f, "c": c, "last": last},
        "i_bound": {"bound": bound},
    }


TINY = {
    "layers": 3, "gate_bits": 4, "gate_fraction": 1, "middle_bits": 6, "middle_fraction": 1, "forget_bits": 3,
    "state_bits": 5, "state_shift": 1,
}  # fmt: skip

BENCH = StreamBench(
    config=MlgruConfig,
    golden=golden,
    grid=(
        {},
        {"lanes": 4, "elements": 20, "layers": 3, "state_shift": 2},
        {"lanes": 2, "elements": 6, "gate_bits": 8, "gate_fraction": 4, "middle_bits": 12, "middle_fraction": 6},
        {"lanes": 8, "elements": 16, "layers": 1, "state_shift": 5},
        {"lanes": 1, "elements": 1, "layers": 1},
    ),
    mutation=(TINY | {"elements": 4}, TINY | {"elements": 2, "state_bits": 7}),
    stimulus=stimulus,
    size=200,
    mutation_size=120,
)
