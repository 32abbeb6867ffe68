# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the language model accelerator."""

from typing import ClassVar

from gatewright.hw.accel.lm_core.config import LmCoreConfig
from gatewright.hw.accel.served_config import ServedConfig
from gatewright.hw.core.config import part


class TernaryLmConfig(ServedConfig):
    """An `lm_core` behind a UART that speaks `gatewright.hw.bus.protocol`."""

    room: ClassVar[str] = "ternary_lm"

    core: LmCoreConfig = part(LmCoreConfig(), doc="The network and what runs it.")

    @property
    def latency(self) -> int:
        """Cycles of the longest request inside the core; the serial line comes on top."""
        return self.core.quiet

    @property
    def varies(self) -> bool:
        """Tokens take longer the more came before them, and a request has any number of them."""
        return True
