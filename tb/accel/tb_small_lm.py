# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the language model accelerator for small parts: a flash at its pins, then requests of every kind."""

from typing import Any

import numpy as np

from gatewright.hw.accel.lm_core.config import LmCoreConfig
from gatewright.hw.accel.lm_core.constants import stand_in
from gatewright.hw.accel.lm_serial.config import LmSerialConfig
from gatewright.hw.accel.lm_serial.image import image
from gatewright.hw.accel.small_lm.config import SmallLmConfig
from gatewright.hw.accel.small_lm.golden import golden
from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats
from gatewright.hw.memory.flash_boot.image import flash_image
from gatewright.tb.accel.served import design, stimulus
from gatewright.tb.harness.bench import StreamBench
from gatewright.tb.memory.spi_flash import SpiFlash


def words_of(config: LmSerialConfig) -> Ints:
    """Give the words of a network that nobody trained."""
    core = LmCoreConfig(**config.engine, request_tokens=config.request_tokens, **stand_in(config.parts))
    return image(core).astype(np.int64)


def booted(config: SmallLmConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Answer with the constants that the flash holds."""
    return golden(config, {**inputs, "flash": {"data": words_of(config.core)}})


def flash(config: SmallLmConfig) -> SpiFlash:
    """Make the flash."""
    found = flash_image(config.boot, words_of(config.core))
    return SpiFlash(found.data, found.offset, config.boot.half_period, config.boot.wake_cycles)


SMALL: dict[str, Any] = {
    "vocab": 4, "features": 22, "layers": 1, "hidden": 22, "context": 2, "heads": 6, "head_dim": 4,
    "middle_fraction": 10, "gate_shift": 8, "request_tokens": 2,
}  # fmt: skip

BENCH = StreamBench(
    config=SmallLmConfig,
    golden=booted,
    grid=({**design(4, **SMALL), "design_id": 0x7E7D5E5D},),
    mutation={**design(4, **SMALL), "design_id": 0x12345678},
    apart=("core.core", "core.boot", "uart_rx", "uart_tx"),  # rooms with benches of their own
    stimulus=stimulus,
    size=6,
    mutation_size=4,
    test_module="gatewright.tb.accel.served_tests",
    beside=flash,
)
