# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the queue."""

from typing import ClassVar, Literal

from gatewright.hw.core.config import RoomConfig, choice, integer
from gatewright.hw.core.ports import PayloadField, StreamPort

_MOST_REGISTERS = 64


class FifoConfig(RoomConfig):
    """Hold up to ``depth`` beats between a source and a sink that stall at different times."""

    room: ClassVar[str] = "fifo"

    depth: int = integer(16, 2, 4096, unit="beats", doc="Beats held; any number, not only powers of two.")
    width: int = integer(8, 1, 1024, unit="bits", doc="Width of the data.")
    storage: Literal["registers", "memory"] = choice(
        "registers",
        doc="Where beats wait: flip-flops (depth 2..64, latency 1) or RAM with synchronous read "
        "(depth 3..4096, latency 2).",
    )

    def check(self) -> None:
        """Hold each storage to the depths at which it keeps one beat per cycle at a sane cost."""
        depth, most = self.depth, _MOST_REGISTERS
        if self.storage == "memory":
            self.require(depth >= 3, f"depth must be at least 3 with storage 'memory', not {depth}; use 'registers'")
        else:
            self.require(
                depth <= most, f"depth must be at most {most} with storage 'registers', not {depth}; use 'memory'"
            )

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """One stream of opaque words."""
        return (StreamPort("i", self._fields, "Words in; ready while fewer than depth beats wait."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """The same words, in order."""
        return (StreamPort("o", self._fields, "Words out, in order; valid is a register."),)

    @property
    def _fields(self) -> tuple[PayloadField, ...]:
        return PayloadField("data", self.width), PayloadField("last", 1)

    @property
    def latency(self) -> int:
        """One cycle through registers; two through memory, whose read takes its own."""
        return 1 if self.storage == "registers" else 2
