# SPDX-License-Identifier: BSD-2-Clause
"""Bench of uart_tx: the line is compared with the golden waveform in every cycle."""

import numpy as np

from gatewright.hw.bus.uart_tx.config import UartTxConfig
from gatewright.hw.bus.uart_tx.golden import golden
from gatewright.tb.harness.bench import Inputs, StreamBench

CORNERS = (0x00, 0xFF, 0x01, 0x80, 0x55, 0xAA)
CYCLES = 6000  # of the line, per test


def stimulus(config: UartTxConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Give ``size`` octets, fewer where they would take too many cycles."""
    count = int(np.clip(CYCLES // config.interval, 2, size))
    octets = rng.integers(0, 256, count)
    if kind == "corners":
        octets = np.array([*CORNERS, *rng.choice(CORNERS, count)])[:count]
    return {"i": {"data": octets}}


BENCH = StreamBench(
    config=UartTxConfig,
    golden=golden,
    grid=({}, {"divisor": 4}, {"divisor": 257}),
    mutation={"divisor": 5},
    stimulus=stimulus,
    size=40,
    mutation_size=12,
    test_module="gatewright.tb.bus.uart_tx_tests",
)
