# SPDX-License-Identifier: BSD-2-Clause
"""Requests for accelerators with a serial port."""

from typing import Any

import numpy as np

from gatewright.hw.accel.served_config import ServedConfig
from gatewright.hw.bus.protocol import Command
from gatewright.hw.bus.rfc1662 import encode
from gatewright.tb.harness.bench import Inputs

CORNERS = (-128, -127, -1, 0, 1, 127)
RESERVED = (0x7E, 0x7D, 0x5E, 0x5D)  # what framing escapes, and what it escapes to


def draw(config: ServedConfig, rng: np.random.Generator, command: Command, kind: str) -> bytes:
    """Draw a request of an input's size with a random sequence number; corners are one value, and mixtures."""
    size = config.served.input_bytes
    codes = rng.integers(-128, 127, size, endpoint=True)
    if kind == "corners":
        choices = np.array([*CORNERS, *(value - 256 * (value > 127) for value in RESERVED)])
        codes = np.full(size, rng.choice(choices)) if rng.random() < 0.5 else rng.choice(choices, size)
    return bytes((command, int(rng.integers(0, 256)))) + codes.astype(np.int8).tobytes()


def draw_run(config: ServedConfig, rng: np.random.Generator, kind: str) -> bytes:
    """Draw a RUN request."""
    return draw(config, rng, Command.RUN, kind)


def stimulus(config: ServedConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Give the octets of ``size`` requests: an INFO, the LOADs that the core needs, then RUNs."""
    found = [bytes((Command.INFO, int(rng.integers(0, 256))))]
    found += [draw(config, rng, Command.LOAD, "random") for _ in range(config.served.loads)]
    found += [draw_run(config, rng, kind) for _ in range(size - 1)]
    line = b"".join(encode(request) for request in found)
    return {"rx": {"data": np.frombuffer(line, np.uint8).astype(np.int64)}}


def design(divisor: int, **core: Any) -> dict[str, Any]:
    """Give parameters with a clock of ``divisor`` cycles per bit."""
    return {"baud": 1_000_000, "clock_hz": divisor * 1_000_000, "core": core}
