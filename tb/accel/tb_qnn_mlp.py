# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the MLP accelerator: requests of every kind, sound and broken, at the pins."""

from typing import Any

import numpy as np

from gatewright.hw.accel.qnn_mlp.config import QnnMlpConfig
from gatewright.hw.accel.qnn_mlp.golden import golden
from gatewright.hw.bus.protocol import Command
from gatewright.hw.bus.rfc1662 import encode
from gatewright.tb.accel.tb_mlp_core import layers
from gatewright.tb.harness.bench import Inputs, StreamBench

CORNERS = (-128, -127, -1, 0, 1, 127)
RESERVED = (0x7E, 0x7D, 0x5E, 0x5D)  # what framing escapes, and what it escapes to


def draw_run(config: QnnMlpConfig, rng: np.random.Generator, kind: str) -> bytes:
    """Draw a RUN request with a random sequence number; corners are whole inputs of one value, and mixtures."""
    size = config.core.input_bytes
    codes = rng.integers(-128, 127, size, endpoint=True)
    if kind == "corners":
        choices = np.array([*CORNERS, *(value - 256 * (value > 127) for value in RESERVED)])
        codes = np.full(size, rng.choice(choices)) if rng.random() < 0.5 else rng.choice(choices, size)
    return bytes((Command.RUN, int(rng.integers(0, 256)))) + codes.astype(np.int8).tobytes()


def stimulus(config: QnnMlpConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Give the octets of ``size`` requests: an INFO, then RUNs."""
    found = [bytes((Command.INFO, int(rng.integers(0, 256))))]
    found += [draw_run(config, rng, kind) for _ in range(size - 1)]
    line = b"".join(encode(request) for request in found)
    return {"rx": {"data": np.frombuffer(line, np.uint8).astype(np.int64)}}


def design(divisor: int, **core: Any) -> dict[str, Any]:
    """Give parameters with a clock of ``divisor`` cycles per bit."""
    return {"baud": 1_000_000, "clock_hz": divisor * 1_000_000, "core": core}


BENCH = StreamBench(
    config=QnnMlpConfig,
    golden=golden,
    grid=(
        {**design(4, cols=3, layers=layers(5, 4, 3, seed=5)), "design_id": 0x7E7D5E5D},
        {**design(7, cols=2, depth=4, layers=layers(6, 5, 2, seed=6, affine=True)), "design_id": 0xDEADBEEF},
    ),
    mutation={**design(4, cols=2, layers=layers(3, 2, seed=7)), "design_id": 0x12345678},
    stimulus=stimulus,
    size=12,
    mutation_size=4,
    test_module="gatewright.tb.accel.qnn_mlp_tests",
)
