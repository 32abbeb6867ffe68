# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the ping-pong store."""

import numpy as np

from gatewright.hw.core.ports import Beats
from gatewright.hw.memory.ping_pong.config import PingPongConfig
from gatewright.hw.memory.ping_pong.golden import golden
from gatewright.tb.harness.bench import StreamBench, default_stimulus


def stimulus(config: PingPongConfig, rng: np.random.Generator, kind: str, size: int) -> dict[str, Beats]:
    """Cut random words into packets shorter than, equal to and longer than a tile; read each up to four times."""
    inputs = default_stimulus(config, rng, kind, size)
    last = np.zeros(size, np.int64)
    lengths: list[int] = []
    while sum(lengths) < size:
        likely = [1, config.depth - 1, config.depth, config.depth + 1, int(rng.integers(1, 3 * config.depth + 1))]
        lengths.append(min(max(1, int(rng.choice(likely))), size - sum(lengths)))
    last[np.cumsum(lengths) - 1] = 1
    inputs["i"]["last"] = last
    if config.replay:
        keep: list[int] = []
        for length in lengths:
            whole = length <= config.depth
            keep += [1] * int(rng.integers(0, 4)) + [0] if whole else [int(rng.integers(0, 2))]
        inputs["i_play"] = {"keep": np.array(keep)}
    return inputs


BENCH = StreamBench(
    config=PingPongConfig,
    golden=golden,
    grid=(
        {"width": 64, "depth": 16, "replay": True},
        {"width": 9, "depth": 5, "replay": True},
        {"width": 3, "depth": 1, "replay": True},
        {"width": 20, "depth": 12},
    ),
    mutation={"width": 3, "depth": 3, "replay": True},
    stimulus=stimulus,
)
