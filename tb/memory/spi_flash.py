# SPDX-License-Identifier: BSD-2-Clause
"""An SPI flash as a bench sees it: one call per clock cycle, and no patience with a master that breaks the rules."""

from collections.abc import Sequence

from gatewright.hw.memory.flash_boot.config import READ, WAKE
from gatewright.tb.harness.streams import BenchError


class SpiFlash:
    """A flash in power-down, to be clocked in SPI mode 0.

    Parameters
    ----------
    octets : sequence of int
        Contents from ``offset`` on; elsewhere it gives 0xFF.
    offset : int
        Address of the first.
    half : int
        Cycles for which the clock must stay low, and high, at least.
    wake : int
        Cycles from the end of the command that wakes it to the first that it understands; before, nothing may be
        sent.
    late : int
        Cycles after a falling edge in which ``miso`` still shows something else.
    """

    def __init__(self, octets: Sequence[int], offset: int, half: int, wake: int, late: int = 0) -> None:
        self.octets, self.offset, self.half, self.wake, self.late = octets, offset, half, wake, late
        self.awake = False
        self.rest = 0  # cycles since it was selected last
        self.sck, self.cs_n, self.mosi = 0, 1, 0
        self.steady = self.held = 0  # cycles for which sck and mosi have been as they are
        self.sent = 0  # bits that the master took
        self.bits: list[int] = []
        self.address: int | None = None
        self.reads: list[int] = []  # addresses at which a read began
        self.bit = 1

    def step(self, sck: int, cs_n: int, mosi: int) -> int:
        """See the pins of a cycle; give ``miso`` in the same cycle.

        Raises
        ------
        BenchError
            If a level is too short, data moves while it is sampled, or a command comes too early or is unknown.
        """
        edge = sck - self.sck
        self.held = self.held + 1 if mosi == self.mosi else 1
        if cs_n != self.cs_n:
            self._select(cs_n, sck)
        elif edge:
            if self.steady < self.half:
                raise BenchError(f"sck was {self.sck} for {self.steady} cycles, promised {self.half}")
            self.steady = 0
        if not cs_n and edge > 0:
            self._take(mosi)
        if not cs_n and edge < 0:
            self._give()
        if cs_n and (sck or mosi):
            raise BenchError("sck or mosi is high while the flash is not selected")
        if not cs_n and sck and mosi != self.mosi:
            raise BenchError("mosi changed while sck was high")
        self.steady += 1
        self.rest = self.rest + 1 if cs_n else 0
        self.sck, self.cs_n, self.mosi = sck, cs_n, mosi
        wrong = self.address is None or (not sck and self.steady <= self.late) or (sck and self._early())
        return 1 - self.bit if wrong else self.bit

    def _early(self) -> bool:
        """Whether the new bit is still on its way although the clock has risen."""
        return self.half + self.steady <= self.late

    def _select(self, cs_n: int, sck: int) -> None:
        if cs_n:
            if self.bits == [WAKE >> bit & 1 for bit in reversed(range(8))]:
                self.awake = True
            elif self.address is None:
                raise BenchError(f"the flash was let go after {len(self.bits)} bits of a command")
        elif self.rest < self.wake:
            raise BenchError(f"the flash was selected after {self.rest} cycles, promised {self.wake}")
        if sck:
            raise BenchError("sck is high where the flash is selected or let go")
        self.bits, self.address, self.steady = [], None, 0

    def _take(self, mosi: int) -> None:
        if self.held <= self.half:
            raise BenchError(f"mosi was steady for {self.held - 1} cycles before sck rose, promised {self.half}")
        if self.address is not None:
            self.sent += 1
            return
        self.bits.append(mosi)
        if len(self.bits) == 8:
            command = int("".join(map(str, self.bits)), 2)
            if command not in ((READ, WAKE) if self.awake else (WAKE,)):
                raise BenchError(f"command {command:#04x} while {'awake' if self.awake else 'asleep'}")
        if len(self.bits) > 8 and self.bits[:8] == [WAKE >> bit & 1 for bit in reversed(range(8))]:
            raise BenchError("the command that wakes the flash has more than 8 bits")

    def _give(self) -> None:
        if self.address is None and len(self.bits) == 32:
            start = int("".join(map(str, self.bits[8:])), 2)
            self.reads.append(start)
            self.address, self.sent = 8 * start, 0
        if self.address is not None:
            octet, position = divmod(self.address + self.sent, 8)
            index = octet - self.offset
            value = self.octets[index] if 0 <= index < len(self.octets) else 0xFF
            self.bit = value >> (7 - position) & 1
