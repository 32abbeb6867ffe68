# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the ternary accelerator."""

from typing import ClassVar

from gatewright.hw.accel.served_config import ServedConfig
from gatewright.hw.accel.ternary_core.config import TernaryCoreConfig


class TernaryLinearConfig(ServedConfig):
    """A `ternary_core` behind a UART that speaks `gatewright.hw.bus.protocol`."""

    room: ClassVar[str] = "ternary_linear"

    core: TernaryCoreConfig = TernaryCoreConfig()
