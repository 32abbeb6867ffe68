# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the language model accelerator: requests of every kind, sound and broken, at the pins."""

from typing import Any

from gatewright.hw.accel.ternary_lm.config import TernaryLmConfig
from gatewright.hw.accel.ternary_lm.golden import golden
from gatewright.tb.accel.served import design, stimulus
from gatewright.tb.harness.bench import StreamBench

SMALL: dict[str, Any] = {
    "vocab": 8, "features": 4, "layers": 1, "hidden": 4, "context": 3, "heads": 1, "head_dim": 4, "groups": 4,
    "request_tokens": 2,
}  # fmt: skip

BENCH = StreamBench(
    config=TernaryLmConfig,
    golden=golden,
    grid=({**design(4, **SMALL), "design_id": 0x7E7D5E5D},),
    # One token more: a count of five octets can go astray and still be right.
    mutation={**design(4, **SMALL | {"request_tokens": 3}), "design_id": 0x12345678},
    apart=("core", "uart_rx", "uart_tx"),  # rooms with benches of their own
    stimulus=stimulus,
    size=6,
    mutation_size=4,
    test_module="gatewright.tb.accel.served_tests",
)
