# SPDX-License-Identifier: BSD-2-Clause
"""Bench of uart_tx: the line is compared with the golden waveform in every cycle."""

import numpy as np
from gatewright.hw.bus.uart_tx.config import UartTxConfig
from gatewright.hw.bus.uart_tx.golden import golden
from gatewright.tb.harness.bench import Inputs, StreamBench

CORNERS = (0x00, 0xFF, 0x55, 0xAA, 0x01, 0x80)


def stimulus(config: UartTxConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Give octets that fill about ``size`` cycles of the line, at least two."""
    count = int(np.clip(size // config.interval, 2, 40))
    octets = rng.choice(CORNERS, count) if kind == "corners" else rng.integers(0, 256, count)
    return {"i": {"data": octets}}


BENCH = StreamBench(
    config=UartTxConfig,
    golden=golden,
    grid=({}, {"divisor": 4}, {"divisor": 257}),
    mutation={"divisor": 4},
    stimulus=stimulus,
    size=6000,
    test_module="gatewright.tb.bus.uart_tx_tests",
)
