# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the skid buffer."""

from typing import ClassVar, Literal

from pydantic import Field

from gatewright.hw.core.config import RoomConfig, integer
from gatewright.hw.core.ports import PayloadField, StreamPort


class SkidConfig(RoomConfig):
    """Cut every combinational path of a stream at the price of one cycle, or those of ready only at none."""

    room: ClassVar[str] = "skid"

    width: int = integer(8, 1, 1024, unit="bits", doc="Width of the data.")
    cuts: Literal["both", "ready"] = Field(
        "both", description="Directions that get registers; with ready, beats pass in the cycle in which they come."
    )

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """One stream of opaque words."""
        return (StreamPort("i", self._fields, "Words in; ready is a register."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """The same words, in order."""
        words = "Words out; valid and payload are registers, if both directions are cut."
        return (StreamPort("o", self._fields, words),)

    @property
    def _fields(self) -> tuple[PayloadField, ...]:
        return PayloadField("data", self.width), PayloadField("last", 1)

    @property
    def latency(self) -> int:
        """One register; none if only ready is cut."""
        return int(self.cuts == "both")
