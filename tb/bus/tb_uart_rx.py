# SPDX-License-Identifier: BSD-2-Clause
"""Bench of uart_rx: waveforms, sound and broken."""

import numpy as np

from gatewright.hw.bus.uart_rx.config import UartRxConfig
from gatewright.hw.bus.uart_rx.golden import golden
from gatewright.tb.bus.waves import frames
from gatewright.tb.harness.bench import Inputs, StreamBench


def stimulus(config: UartRxConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Give a waveform of ``size`` octets with gaps between them."""
    corners = np.array([0x00, 0xFF, 0x55, 0xAA, 0x01, 0x80])
    octets = rng.choice(corners, size) if kind == "corners" else rng.integers(0, 256, size)
    gaps = rng.integers(0, 2 * config.divisor, size) * (rng.random(size) < 0.5)
    return {"rx": {"level": frames(octets, config.divisor, gaps)}}


BENCH = StreamBench(
    config=UartRxConfig,
    golden=golden,
    grid=({}, {"divisor": 4}, {"divisor": 5}, {"divisor": 257}),
    mutation={"divisor": 5},
    stimulus=stimulus,
    size=40,
    mutation_size=16,
    test_module="gatewright.tb.bus.uart_rx_tests",
)
