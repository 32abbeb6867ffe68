# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the language model accelerator for small parts."""

from typing import ClassVar

from gatewright.hw.accel.lm_serial.config import LmSerialConfig
from gatewright.hw.accel.served_config import ServedConfig
from gatewright.hw.core.config import integer, part
from gatewright.hw.memory.flash_boot.config import SPI_PINS, FlashBootConfig

WAKE_SECONDS = 50e-6  # more than any flash of the supported boards needs to leave its power-down


class SmallLmConfig(ServedConfig):
    """An `lm_serial` behind a UART that speaks `gatewright.hw.bus.protocol`; its constants come from SPI flash.

    Requests are answered as soon as all words have come and their check sequence is right.
    """

    room: ClassVar[str] = "small_lm"

    core: LmSerialConfig = part(LmSerialConfig(gate_shift=8), doc="The network and what runs it.")
    flash_offset: int = integer(0x100000, 0, (1 << 24) - 256, unit="bytes", doc="Where the words begin in the flash.")

    @property
    def boot(self) -> FlashBootConfig:
        """The unit that reads the flash."""
        wake = max(1, round(self.clock_hz * WAKE_SECONDS))
        return FlashBootConfig(words=self.core.image_words, offset=self.flash_offset, wake_cycles=wake)

    @property
    def boot_cycles(self) -> int:
        """Cycles from reset until requests are answered."""
        return self.boot.pass_cycles

    @property
    def pins(self) -> tuple[str, ...]:
        """Serial line, a lamp, and the flash."""
        return (*super().pins, *SPI_PINS)

    @property
    def latency(self) -> int:
        """Cycles of the longest request inside the core; the serial line comes on top."""
        return self.core.quiet

    @property
    def varies(self) -> bool:
        """Tokens take longer the more came before them, and a request has any number of them."""
        return True
