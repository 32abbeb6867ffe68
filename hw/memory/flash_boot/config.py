# SPDX-License-Identifier: BSD-2-Clause
"""Parameters and timing of flash_boot."""

from collections.abc import Mapping
from typing import ClassVar

from gatewright.hw.core.config import RoomConfig, integer
from gatewright.hw.core.fcs import FCS_BYTES
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort

WAKE, READ = 0xAB, 0x03  # commands: release from power-down; read from a 24-bit address on
WORD_BYTES = 2
SPI_PINS = ("sck", "cs_n", "mosi", "miso")
# An odd number of ones: then neither an erased flash (all ones) nor a dead line (all zeros) passes, whatever its
# length. From RFC 1662's 0xFFFF an erased flash passes as 1, 32,768 or 65,535 words.
FCS_START = 0x7FFF
CHECK_CYCLES = 2  # the check sequence takes in the last octet, then it is judged


class FlashBootConfig(RoomConfig):
    """Read ``words`` words of 16 bits, lowest byte first, and a check sequence behind them."""

    room: ClassVar[str] = "flash_boot"

    words: int = integer(65536, 1, 1 << 16, unit="words", doc="Words of 16 bits in the flash, lowest byte first.")
    offset: int = integer(0x100000, 0, (1 << 24) - 256, unit="bytes", doc="Where they begin; a multiple of 256.")
    half_period: int = integer(1, 1, 64, unit="cycles", doc="Half a period of the SPI clock.")
    wake_cycles: int = integer(
        600, 1, 1 << 16, unit="cycles",
        doc="Rest before every command: the time that the flash needs to wake up, 50 us at 12 MHz.",
    )  # fmt: skip

    def check(self) -> None:
        """Keep the words inside what 24 bits address."""
        self.require(self.offset % 256 == 0, f"offset must be a multiple of 256, not {self.offset}")
        most = (1 << 24) - self.image_bytes
        self.require(
            self.offset <= most,
            f"offset must be at most {most}, so that {self.image_bytes} bytes follow it, not {self.offset}",
        )

    @property
    def image_bytes(self) -> int:
        """Bytes in the flash: the words and their check sequence."""
        return WORD_BYTES * self.words + FCS_BYTES

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """None: the words come through the pin ``miso``."""
        return ()

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """The words, from the first on after every start."""
        fields = (PayloadField("data", 16), PayloadField("last", 1))
        return (StreamPort("o", fields, "Words in order, last with the last; all again after a wrong check sequence."),)

    @property
    def pins(self) -> tuple[str, ...]:
        """Ports that are no streams: the flash, and the verdict."""
        return (*SPI_PINS, "done")

    @property
    def lead_cycles(self) -> int:
        """Cycles from a start to the first bit of the first word: two rests, and commands of 8 and 32 bits."""
        return 2 * self.wake_cycles + 2 * self.half_period * (8 + 32)

    @property
    def pass_cycles(self) -> int:
        """Cycles from a start to the verdict: `done` rises, or the next start."""
        return self.lead_cycles + self.interval * (self.words + 1) + CHECK_CYCLES

    @property
    def latency(self) -> int:
        """Cycles from the end of reset to the first word's ``valid``."""
        return self.lead_cycles + self.interval

    @property
    def interval(self) -> int:
        """Cycles from word to word: 16 bits."""
        return 2 * self.half_period * 8 * WORD_BYTES

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Count cycles from the end of reset to ``done``, nothing stalling; a row of ``flash`` for every pass."""
        return self.pass_cycles * len(inputs["flash"]["octet"])
