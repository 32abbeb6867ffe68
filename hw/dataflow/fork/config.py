# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the fork."""

from typing import ClassVar

from gatewright.hw.core.config import RoomConfig, integer
from gatewright.hw.core.ports import PayloadField, StreamPort


class ForkConfig(RoomConfig):
    """Give every beat to each of several outputs, once."""

    room: ClassVar[str] = "fork"

    output_count: int = integer(2, 2, 16, unit="streams", doc="Outputs, o_0 and up.")
    width: int = integer(8, 1, 1024, unit="bits", doc="Width of the data.")

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """One stream of opaque words."""
        return (StreamPort("i", self._fields, "Words in; ready once the slowest output takes its copy."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """The same words on each output."""
        return tuple(
            StreamPort(f"o_{k}", self._fields, f"Copy {k}; takes part at its own pace.")
            for k in range(self.output_count)
        )

    @property
    def _fields(self) -> tuple[PayloadField, ...]:
        return PayloadField("data", self.width), PayloadField("last", 1)

    @property
    def latency(self) -> int:
        """No register lies on the way."""
        return 0
