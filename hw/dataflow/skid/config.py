# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the skid buffer."""

from typing import ClassVar

from gatewright.hw.core.config import RoomConfig, integer
from gatewright.hw.core.ports import PayloadField, StreamPort


class SkidConfig(RoomConfig):
    """Cut every combinational path of a stream at the price of one cycle."""

    room: ClassVar[str] = "skid"

    width: int = integer(8, 1, 1024, unit="bits", doc="Width of the data.")

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """One stream of opaque words."""
        return (StreamPort("i", self._fields, "Words in; ready is a register."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """The same words, in order."""
        return (StreamPort("o", self._fields, "Words out; valid and payload are registers."),)

    @property
    def _fields(self) -> tuple[PayloadField, ...]:
        return PayloadField("data", self.width), PayloadField("last", 1)

    @property
    def latency(self) -> int:
        """One register."""
        return 1
