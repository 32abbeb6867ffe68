# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the vision transformer accelerator."""

from typing import ClassVar

from gatewright.hw.accel.served_config import ServedConfig
from gatewright.hw.accel.vit_core.config import VitCoreConfig
from gatewright.hw.accel.vit_core.demo import constants
from gatewright.hw.core.config import part


class MoeVitConfig(ServedConfig):
    """A `vit_core` with constant weights behind a UART that speaks `gatewright.hw.bus.protocol`."""

    room: ClassVar[str] = "moe_vit"

    core: VitCoreConfig = part(VitCoreConfig(**constants()), doc="The network and what runs it.")

    @property
    def varies(self) -> bool:
        """Experts that get few tokens, or none, change the time by a few cycles."""
        return True

    def check(self) -> None:
        """Check the line, and that the core needs no other streams."""
        super().check()
        self.require(self.core.store == "constant", f"core.store must be constant, not {self.core.store}")
