# SPDX-License-Identifier: BSD-2-Clause
"""Bench of flash_boot: good and spoilt flashes."""

import numpy as np

from gatewright.hw.memory.flash_boot.config import FlashBootConfig
from gatewright.hw.memory.flash_boot.golden import golden
from gatewright.hw.memory.flash_boot.image import flash_image
from gatewright.tb.harness.bench import Inputs, StreamBench


def stimulus(config: FlashBootConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Give ``size`` passes: all but the last find one wrong bit."""
    low, high = (0, 1 << 16) if kind == "random" else (0, 2)
    words = rng.integers(low, high, config.words) * (1 if kind == "random" else 0xFFFF)
    octets = np.frombuffer(flash_image(config, words).data, np.uint8).astype(np.int64)
    passes = np.tile(octets, (size, 1))
    for row in passes[:-1]:
        row[rng.integers(len(row))] ^= 1 << int(rng.integers(8))
    return {"flash": {"octet": passes}}


BENCH = StreamBench(
    config=FlashBootConfig,
    golden=golden,
    grid=(
        {"words": 24, "wake_cycles": 30},
        {"words": 1, "offset": 0, "wake_cycles": 1},
        {"words": 9, "offset": 0xFFFF00, "half_period": 2, "wake_cycles": 7},
        {"words": 5, "offset": 0x5AC300, "half_period": 5, "wake_cycles": 64},
    ),
    mutation=(
        {"words": 3, "offset": 0xA53C00, "wake_cycles": 6},
        {"words": 2, "offset": 0x5AC300, "half_period": 3, "wake_cycles": 3},
    ),
    stimulus=stimulus,
    size=12,
    mutation_size=1,
    test_module="gatewright.tb.memory.flash_boot_tests",
)
