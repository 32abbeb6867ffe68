# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the row quantiser.

A row is a packet. Its scale travels with it: every output beat carries ``scale``, the row's largest
magnitude, so ``x`` is about ``q * scale / config.levels``.
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

import numpy as np

from gatewright.hw.core.config import RoomConfig, choice, integer
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort
from gatewright.hw.elementary.divide.config import DivideConfig
from gatewright.hw.quantise.requantise.plan import Partial, pieces, rows


class QuantiseRowsConfig(RoomConfig):
    """Map each row to ``round(x * levels / max|x|)``, ties to even, ``lanes`` elements a beat."""

    room: ClassVar[str] = "quantise_rows"

    lanes: int = integer(4, 1, 16, doc="Elements per beat, all in parallel.")
    in_bits: int = integer(16, 4, 40, unit="bits", doc="Width of an element, two's complement.")
    out_bits: int = integer(8, 2, 16, unit="bits", doc="Width of a quantised element, two's complement.")
    row_max: int = integer(256, 1, 4096, unit="beats", doc="Beats of the longest row.")
    engine: Literal["digits", "reciprocal"] = choice(
        "digits",
        doc="Divide each lane bit by bit, or multiply it by the row's reciprocal: hardware multipliers and a divider "
        "that all lanes share, but short rows wait for it.",
    )
    bits_per_stage: int = integer(
        1, 1, 16, unit="bits", doc="Quotient bits per pipeline stage; more saves registers and costs clock rate."
    )
    bits_per_cycle: int = integer(
        1, 1, 4, unit="bits", doc="Bits of the reciprocal per cycle: more shortens the least row without a bubble."
    )
    limb_bits: int = integer(
        17, 4, 32, unit="bits", doc="Widest unsigned factor of one hardware multiplier; reciprocal engine only."
    )

    def check(self) -> None:
        """Hold the reciprocal to what the divider gives."""
        if self.engine == "reciprocal":
            most = (64 - self.out_bits) // 2
            self.require(
                self.in_bits <= most,
                f"in_bits must be at most {most} for engine reciprocal with out_bits = {self.out_bits}, "
                f"not {self.in_bits}; use engine digits",
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
    def fraction_bits(self) -> int:
        """Fraction bits of the reciprocal.

        It is rounded down, so an element times it is off by less than ``2**(in_bits - 1)`` of its units. A
        quotient that is no tie is at least ``2**fraction_bits / (2 * max|x|)`` from one, which is four times
        as much; so the product tells all ties.
        """
        return 2 * self.in_bits + 1

    @property
    def reciprocal_bits(self) -> int:
        """Width of ``floor(levels * 2**fraction_bits / max|x|)``."""
        return self.out_bits - 1 + self.fraction_bits

    @property
    def divide(self) -> DivideConfig:
        """The divider that gives the reciprocal."""
        return DivideConfig(
            numerator_bits=self.reciprocal_bits,
            divisor_bits=self.in_bits,
            quotient_bits=-(-self.reciprocal_bits // self.bits_per_cycle) * self.bits_per_cycle,
            bits_per_cycle=self.bits_per_cycle,
        )

    @property
    def product_bits(self) -> int:
        """Width of an element times the reciprocal; higher bits repeat the sign, since no code exceeds the levels."""
        return self.fraction_bits + self.out_bits

    @property
    def plan(self) -> list[list[Partial]]:
        """Rows of partial products that reach into the product."""
        parts = pieces(self.in_bits, True, self.limb_bits), pieces(self.reciprocal_bits, False, self.limb_bits)
        reach = ([partial for partial in row if partial.low < self.product_bits] for row in rows(*parts))
        return [row for row in reach if row]

    @property
    def adder_levels(self) -> int:
        """Registered levels of adders that sum the rows."""
        return (len(self.plan) - 1).bit_length()

    @property
    def divide_cycles(self) -> int:
        """Cycles from a row's maximum to its reciprocal, and between two of them; none with digits."""
        return self.divide.latency if self.engine == "reciprocal" else 0

    @property
    def peak_cycles(self) -> int:
        """Cycles from a row's last beat in to the first read of the row, if no row before it is divided still."""
        return self.tree_levels + 3 + self.divide_cycles

    @property
    def least_row(self) -> int:
        """Beats from which on rows of equal length enter and leave without a bubble."""
        return self.tree_levels + 2 + self.divide_cycles if self.engine == "reciprocal" else 1

    @property
    def address_bits(self) -> int:
        """Address of the row store, which holds the longest row and what arrives until that can leave."""
        return (self.row_max + self.peak_cycles + self.divide_cycles).bit_length()

    @property
    def stages(self) -> int:
        """Registered stages of the quotient: of the digits engine its bits, the last of which rounds."""
        if self.engine == "reciprocal":
            return 1 + self.adder_levels
        return -(-self.out_bits // self.bits_per_stage)

    @property
    def latency(self) -> int:
        """Of a row of one beat: until its first read, then two registers out of the store, operands, stages, result."""
        return self.peak_cycles + 4 + self.stages

    def rows(self, inputs: Mapping[str, Beats]) -> Iterator[int]:
        """Give the length in beats of every complete row."""
        ends = np.flatnonzero(inputs["i"]["last"])
        yield from np.diff(ends, prepend=-1).tolist()

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """A row leaves when it is whole."""
        return next(self.rows(inputs), 1) - 1 + self.latency

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Follow the rows: each enters, is divided, and leaves after the one before it.

        With digits the input never waits, since no more than the longest row is ever behind. With a
        reciprocal a row may enter while one before it has none yet, not while two have none.
        """
        taken = given = 0  # cycles until the latest row is in, and out
        divided = earlier = 0  # cycles until the latest row, and the one before it, has its reciprocal
        for length in self.rows(inputs):
            taken = (max(taken, earlier) if self.engine == "reciprocal" else taken) + length
            earlier, divided = divided, max(taken + self.tree_levels + 2, divided) + self.divide_cycles
            given = max(given, divided + self.latency - self.peak_cycles) + length
        return given
