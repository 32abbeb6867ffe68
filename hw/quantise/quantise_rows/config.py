# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the row quantiser.

A row is a packet. Its scale travels with it: every output beat carries ``scale``, the row's largest
magnitude, so ``x`` is about ``q * scale / config.levels``.
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from gatewright.hw.core.config import RoomConfig, integer
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort


class QuantiseRowsConfig(RoomConfig):
    """Map each row to ``round(x * levels / max|x|)``, ties to even, ``lanes`` elements a beat."""

    room: ClassVar[str] = "quantise_rows"

    lanes: int = integer(4, 1, 16, doc="Elements per beat, all in parallel.")
    in_bits: int = integer(16, 4, 40, unit="bits", doc="Width of an element, two's complement.")
    out_bits: int = integer(8, 2, 16, unit="bits", doc="Width of a quantised element, two's complement.")
    row_max: int = integer(256, 1, 4096, unit="beats", doc="Beats of the longest row.")
    bits_per_stage: int = integer(
        1, 1, 17, unit="bits", doc="Quotient bits per pipeline stage; more saves registers and costs clock rate."
    )

    @property
    def levels(self) -> int:
        """Code of the row's largest magnitude: 127 with 8 bits."""
        return (1 << (self.out_bits - 1)) - 1

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Rows of elements."""
        fields = PayloadField("x", self.in_bits, True, (self.lanes,)), PayloadField("last", 1)
        return (StreamPort("i", fields, "Rows of 1..row_max beats; last ends a row."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Quantised rows, the scale beside every beat."""
        fields = (
            PayloadField("q", self.out_bits, True, (self.lanes,)),
            PayloadField("scale", self.in_bits),
            PayloadField("last", 1),
        )
        return (StreamPort("o", fields, "Rows in input order; scale is the row's largest magnitude."),)

    @property
    def tree_levels(self) -> int:
        """Registered levels of comparators that find the largest of a beat's lanes."""
        return (self.lanes - 1).bit_length()

    @property
    def peak_cycles(self) -> int:
        """Cycles from a row's last beat in to the first read of the row."""
        return self.tree_levels + 3

    @property
    def address_bits(self) -> int:
        """Address of the row store, which holds the longest row and what arrives while its maximum is found."""
        return (self.row_max + self.peak_cycles).bit_length()

    @property
    def stages(self) -> int:
        """Registered stages of the division: ``out_bits - 1`` quotient bits and one that rounds."""
        return -(-self.out_bits // self.bits_per_stage)

    @property
    def latency(self) -> int:
        """Of a row of one beat: its maximum, then a register each for read, product, division stages and result."""
        return self.peak_cycles + 3 + self.stages

    def rows(self, inputs: Mapping[str, Beats]) -> Iterator[int]:
        """Give the length in beats of every complete row."""
        ends = np.flatnonzero(inputs["i"]["last"])
        yield from np.diff(ends, prepend=-1).tolist()

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """A row leaves when it is whole."""
        return next(self.rows(inputs), 1) - 1 + self.latency

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Follow the rows: each leaves after the one before it, and `latency` after its last beat.

        The input never waits, since no more than the longest row is ever behind.
        """
        taken = given = 0  # cycles until the latest row is in, and out
        for length in self.rows(inputs):
            taken += length
            given = max(given, taken + self.latency - 1) + length
        return given
