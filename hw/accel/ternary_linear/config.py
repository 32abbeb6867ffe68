# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the ternary accelerator."""

from typing import ClassVar

from gatewright.hw.accel.served_config import ServedConfig
from gatewright.hw.accel.ternary_core.config import TernaryCoreConfig
from gatewright.hw.core.config import part


class TernaryLinearConfig(ServedConfig):
    """A `ternary_core` behind a UART that speaks `gatewright.hw.bus.protocol`."""

    room: ClassVar[str] = "ternary_linear"

    core: TernaryCoreConfig = part(TernaryCoreConfig(), doc="The matrix and what multiplies by it.")
