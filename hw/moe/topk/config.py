# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the selection."""

from collections.abc import Mapping
from typing import ClassVar

from gatewright.hw.core.config import RoomConfig, integer
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort, packets


class TopkConfig(RoomConfig):
    """Give the ``k`` greatest scores of a row with their places, greatest first, equal ones in input order."""

    room: ClassVar[str] = "topk"

    k: int = integer(2, 1, 8, doc="Candidates that leave; a shorter row leaves whole.")
    candidates_max: int = integer(16, 1, 64, doc="Candidates of the longest row.")
    score_bits: int = integer(8, 2, 32, unit="bits", doc="Width of a score, two's complement.")
    tag_bits: int = integer(0, 0, 32, unit="bits", doc="Width of the tag that goes along with a score; 0 for none.")

    def check(self) -> None:
        """Refuse places that no row fills."""
        self.require(self.k <= self.candidates_max, f"k must be at most candidates_max, not {self.k}")

    @property
    def id_bits(self) -> int:
        """Width of a candidate's place in its row; at least one, which Verilog needs."""
        return max(1, (self.candidates_max - 1).bit_length())

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Candidates."""
        fields = PayloadField("score", self.score_bits, True), *self._tag, PayloadField("last", 1)
        return (StreamPort("i", fields, "Rows of 1..candidates_max candidates; last ends a row."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """The best of them."""
        fields = (
            PayloadField("score", self.score_bits, True),
            PayloadField("id", self.id_bits),
            *self._tag,
            PayloadField("last", 1),
        )
        return (StreamPort("o", fields, "The best of a row, greatest first; id is the place in the row, from 0."),)

    @property
    def _tag(self) -> tuple[PayloadField, ...]:
        return (PayloadField("tag", self.tag_bits),) if self.tag_bits else ()

    @property
    def latency(self) -> int:
        """From a row's last candidate to its best one: sorted, then moved on."""
        return 2

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """The first row is heard out."""
        return self._rows(inputs["i"])[0] - 1 + self.latency

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """A row takes a cycle a candidate, and waits for the results before it to leave."""
        now, leaving = 0, 0
        for length in self._rows(inputs["i"]):
            now += max(length, leaving)
            leaving = min(length, self.k)
        return now + leaving + 1

    def _rows(self, beats: Beats) -> list[int]:
        return [row.stop - row.start for row in packets(beats)]
