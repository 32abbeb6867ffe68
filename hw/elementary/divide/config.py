# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the serial divider."""

from typing import ClassVar

from gatewright.hw.core.config import RoomConfig, integer
from gatewright.hw.core.ports import PayloadField, StreamPort


class DivideConfig(RoomConfig):
    """Give ``floor(numerator / divisor)``, one division at a time.

    The quotient has to fit: ``numerator < divisor * 2**quotient_bits``, or the divisor is 0.
    """

    room: ClassVar[str] = "divide"

    numerator_bits: int = integer(24, 1, 96, unit="bits", doc="Width of the numerator, unsigned.")
    divisor_bits: int = integer(12, 1, 64, unit="bits", doc="Width of the divisor, unsigned.")
    quotient_bits: int = integer(12, 1, 64, unit="bits", doc="Width of the quotient, unsigned.")
    bits_per_cycle: int = integer(
        1, 1, 4, unit="bits", doc="Quotient bits per cycle; each is a subtraction in the same clock period."
    )

    def check(self) -> None:
        """Check the rules between fields."""
        widest = self.divisor_bits + self.quotient_bits
        self.require(
            self.numerator_bits <= widest,
            f"numerator_bits must be at most divisor_bits + quotient_bits = {widest}, not {self.numerator_bits}; "
            "a wider numerator has no quotient that fits",
        )
        self.require(
            self.quotient_bits % self.bits_per_cycle == 0,
            f"quotient_bits must be a multiple of bits_per_cycle = {self.bits_per_cycle}, not {self.quotient_bits}",
        )

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """One division per beat."""
        fields = PayloadField("numerator", self.numerator_bits), PayloadField("divisor", self.divisor_bits)
        return (StreamPort("i", fields, "One division; the quotient must fit or the divisor be 0."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """One quotient per beat, in order."""
        fields = PayloadField("quotient", self.quotient_bits), PayloadField("exact", 1)
        return (StreamPort("o", fields, "Quotient, rounded down; exact where no remainder is left."),)

    @property
    def steps(self) -> int:
        """Cycles of the recurrence."""
        return self.quotient_bits // self.bits_per_cycle

    @property
    def latency(self) -> int:
        """One cycle to take the operands, then the steps; the quotient leaves from registers."""
        return self.steps + 1

    @property
    def interval(self) -> int:
        """The next operands may enter while the quotient leaves."""
        return self.steps + 1
