# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the table."""

import numpy as np

from gatewright.hw.memory.rom.config import RomConfig
from gatewright.hw.memory.rom.golden import golden
from gatewright.tb.harness.bench import Inputs, StreamBench, default_stimulus


def stimulus(config: RomConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Read inside the table only; when asked for corners, visit both ends and then every word in turn."""
    inputs = default_stimulus(config, rng, kind, size)
    if kind == "corners":
        inputs["i"]["address"] = np.r_[0, config.depth - 1, np.arange(size)][:size]
    inputs["i"]["address"] = inputs["i"]["address"] % config.depth
    return inputs


BENCH = StreamBench(
    config=RomConfig,
    golden=golden,
    grid=(
        {},
        {"depth": 2, "width": 1, "contents": [1]},
        {
            "depth": 25,
            "width": 67,
            "signed": True,
            "output_register": True,
            "contents": [(-7) ** k for k in range(23)],
        },
    ),
    mutation={"depth": 5, "width": 4, "contents": [9, 6, 15, 1, 8], "output_register": True},
    stimulus=stimulus,
    equivalent={
        "const0 _01_[0] at A[0] in `wire _01_;`": "the empty read register takes no word while the output stalls: "
        "fewer beats wait inside, which no promise counts; values, order and unstalled timing stay",
    },
)
