# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the gathering width converter."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from gatewright.hw.core.config import RoomConfig, integer
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort, beat_count


class WidthUpConfig(RoomConfig):
    """Gather ``factor`` narrow beats into one; ``last`` flushes what is there."""

    room: ClassVar[str] = "width_up"

    factor: int = integer(4, 2, 64, unit="elements", doc="Narrow beats in one wide beat.")
    width: int = integer(8, 1, 256, unit="bits", doc="Width of one element.")

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """One element per beat."""
        return (StreamPort("i", (PayloadField("data", self.width), PayloadField("last", 1)), "Elements."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Up to ``factor`` elements per beat, the earliest at the least significant end."""
        fields = (
            PayloadField("data", self.width, shape=(self.factor,)),
            PayloadField("count", self.factor.bit_length()),
            PayloadField("last", 1),
        )
        return (StreamPort("o", fields, "Words of 1..factor elements; those past count are zero."),)

    @property
    def latency(self) -> int:
        """Cycles of a first packet that fills a word; see `delay` for a shorter one."""
        return self.factor

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """One cycle after the beat that completes the first word."""
        first = inputs["i"]["last"][: self.factor]
        return int(np.argmax(first)) + 1 if np.any(first) else self.factor

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """One input beat per cycle, and a word one cycle after the beat that completes it."""
        last = inputs["i"]["last"]
        flushed = int(np.flatnonzero(last)[-1]) + 1 if np.any(last) else 0
        rest = beat_count(inputs["i"]) - flushed
        return flushed + rest - rest % self.factor + 1
