# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the greatest element."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from gatewright.hw.core.config import RoomConfig, integer
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort, beat_count


class ArgmaxConfig(RoomConfig):
    """Find the greatest element of a packet; of equal ones the first.

    Elements are numbered from 0 in the order of beats and of lanes. All lanes count.
    """

    room: ClassVar[str] = "argmax"

    lanes: int = integer(4, 1, 16, doc="Elements per beat.")
    elements: int = integer(256, 2, 262144, doc="Elements of the longest packet, a multiple of lanes.")
    in_bits: int = integer(32, 2, 48, unit="bits", doc="Width of an element, two's complement.")

    def check(self) -> None:
        """Check that the longest packet fills its beats."""
        self.require(
            self.elements % self.lanes == 0, f"elements must be a multiple of lanes = {self.lanes}, not {self.elements}"
        )

    @property
    def beats(self) -> int:
        """Beats of the longest packet."""
        return self.elements // self.lanes

    @property
    def levels(self) -> int:
        """Levels of comparisons between the lanes of a beat."""
        return (self.lanes - 1).bit_length()

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Elements."""
        fields = (PayloadField("x", self.in_bits, True, (self.lanes,)), PayloadField("last", 1))
        return (StreamPort("i", fields, "Elements; last ends a packet."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """The greatest element of each packet."""
        fields = (
            PayloadField("index", (self.elements - 1).bit_length()),
            PayloadField("value", self.in_bits, True),
        )
        return (StreamPort("o", fields, "For each packet its greatest element, and where it stands."),)

    @property
    def latency(self) -> int:
        """From a packet's last beat on: a register behind each level, and the one that holds the greatest."""
        return self.levels + 1

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """The first packet is heard out."""
        return int(np.argmax(inputs["i"]["last"])) + self.latency

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """A cycle a beat."""
        return beat_count(inputs["i"]) + self.latency
