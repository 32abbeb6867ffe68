# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the spreading width converter."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from gatewright.hw.core.config import RoomConfig, integer
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort


class WidthDownConfig(RoomConfig):
    """Spread each wide beat over as many narrow ones as it has valid elements."""

    room: ClassVar[str] = "width_down"

    factor: int = integer(4, 2, 64, unit="elements", doc="Elements in one wide beat.")
    width: int = integer(8, 1, 256, unit="bits", doc="Width of one element.")

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Up to ``factor`` elements per beat, the earliest at the least significant end."""
        fields = (
            PayloadField("data", self.width, shape=(self.factor,)),
            PayloadField("count", self.factor.bit_length()),
            PayloadField("last", 1),
        )
        return (StreamPort("i", fields, "Words; a count of 0 is read as 1, one above factor as factor."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """One element per beat."""
        return (StreamPort("o", (PayloadField("data", self.width), PayloadField("last", 1)), "Elements."),)

    @property
    def latency(self) -> int:
        """One register."""
        return 1

    @property
    def interval(self) -> int:
        """Cycles from one full word to the next; a word of fewer elements takes fewer."""
        return self.factor

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """One element per cycle, without gaps between words."""
        return int(np.clip(inputs["i"]["count"], 1, self.factor).sum()) + self.latency
