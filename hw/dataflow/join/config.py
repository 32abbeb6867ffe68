# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the join."""

from typing import ClassVar

from pydantic import Field, StrictInt

from gatewright.hw.core.config import RoomConfig
from gatewright.hw.core.ports import PayloadField, StreamPort


class JoinConfig(RoomConfig):
    """Pair up the k-th beats of several streams."""

    room: ClassVar[str] = "join"

    widths: tuple[StrictInt, ...] = Field(
        (8, 8),
        description="Data width of each input, in bits, 1..1024 each; as many inputs as widths, 2..16.",
    )

    def check(self) -> None:
        """Bound the number of inputs and their widths."""
        self.require(2 <= len(self.widths) <= 16, f"widths must name 2..16 inputs, not {len(self.widths)}")
        for k, width in enumerate(self.widths):
            self.require(1 <= width <= 1024, f"widths[{k}] must lie in 1..1024, not {width}")

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """One stream per width."""
        return tuple(
            StreamPort(f"i_{k}", (PayloadField("data", width), PayloadField("last", 1)), f"Stream {k}.")
            for k, width in enumerate(self.widths)
        )

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """All data side by side."""
        fields = tuple(PayloadField(f"data_{k}", width) for k, width in enumerate(self.widths))
        return (
            StreamPort(
                "o",
                (*fields, PayloadField("last", 1)),
                "One beat of every input; last if any is. Payload and valid are registers.",
            ),
        )

    @property
    def latency(self) -> int:
        """One register."""
        return 1
