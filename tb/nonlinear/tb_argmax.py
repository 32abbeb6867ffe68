# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the greatest element: close races and ties anywhere, longest packets, rising and falling ones."""

import numpy as np

from gatewright.hw.nonlinear.argmax.config import ArgmaxConfig
from gatewright.hw.nonlinear.argmax.golden import golden
from gatewright.tb.harness.bench import Inputs, StreamBench, draw, draw_corners


def stimulus(config: ArgmaxConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Draw packets of 1 to the most beats, until ``size`` beats are full."""
    last = np.zeros(size, np.int64)
    at = 0
    while at < size:
        at += int(rng.choice([config.beats, 1, int(rng.integers(1, config.beats + 1))]))
        last[min(at, size) - 1] = 1
    x = config.inputs[0].field("x")
    drawn = draw_corners(x, rng, size) if kind == "corners" else draw(x, rng, size)
    packet = np.cumsum(last) - last
    shape = (packet[-1] + 1, 1)
    style = rng.integers(0, 4, shape)[packet]  # of a packet: as drawn, few different ones, close to some value, sorted
    few = rng.integers(-1, 2, drawn.shape)
    near = rng.integers(x.low + 2, x.high - 1, shape)[packet] + few * rng.choice([1, 2], drawn.shape)
    bit = 1 << rng.integers(0, x.bits - 1, shape)[packet]
    rising = np.clip((np.arange(size)[:, np.newaxis] - size // 2) * rng.choice([-1, 1], shape)[packet], x.low, x.high)
    drawn = np.choose(style, [drawn, np.clip(few * bit, x.low, x.high), np.clip(near, x.low, x.high), rising])
    return {"i": {"x": drawn, "last": last}}


BENCH = StreamBench(
    config=ArgmaxConfig,
    golden=golden,
    grid=(
        {},
        {"lanes": 1, "elements": 9},
        {"lanes": 6, "elements": 42, "in_bits": 16},
        {"lanes": 16, "elements": 16, "in_bits": 8},
        {"lanes": 2, "elements": 34, "in_bits": 48},
    ),
    mutation=(
        {"lanes": 4, "elements": 24, "in_bits": 4},
        {"lanes": 3, "elements": 15, "in_bits": 3},
        {"lanes": 1, "elements": 6, "in_bits": 4},
    ),
    stimulus=stimulus,
    size=200,
    mutation_size=100,
)
