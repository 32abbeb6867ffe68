# SPDX-License-Identifier: BSD-2-Clause
"""Serial divider."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream

from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.elementary.divide.config import DivideConfig


class Divide(RoomComponent):
    """Restoring division: one subtraction per quotient bit.

    Members
    -------
    i : In(stream)
        ``numerator``, ``divisor``.
    o : Out(stream)
        ``quotient``, ``exact``.
    """

    config: DivideConfig
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: DivideConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Build operand registers, step counter and the recurrence."""
        m = Module()
        config, operands = self.config, self.i.payload
        busy, left = Signal(), Signal(range(config.steps + 1))
        divisor = Signal(config.divisor_bits, reset_less=True)
        remainder = Signal(config.divisor_bits, reset_less=True)
        # Numerator bits leave at the top while quotient bits enter at the bottom.
        shifting = Signal(config.quotient_bits, reset_less=True)

        m.d.comb += [
            self.o.valid.eq(busy & ~left.any()),
            self.o.payload.quotient.eq(shifting),
            self.o.payload.exact.eq(~remainder.any()),
            self.i.ready.eq(~busy | (self.o.valid & self.o.ready)),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [busy.eq(1), left.eq(config.steps), divisor.eq(operands.divisor)]
            m.d.sync += Cat(shifting, remainder).eq(operands.numerator)
        with m.Elif(left.any()):
            later, digits = _steps(m, config.bits_per_cycle, remainder, shifting, divisor)
            m.d.sync += [left.eq(left - 1), remainder.eq(later), shifting.eq(digits)]
        with m.Elif(self.o.ready):
            m.d.sync += busy.eq(0)
        return m


def _steps(m: Module, count: int, remainder: Value, shifting: Value, divisor: Value) -> tuple[Value, Value]:
    """Subtract where it goes; give the new remainder and the register with the new digits."""
    for step in range(count):
        doubled = Cat(shifting[-1], remainder)
        rest = Signal(len(doubled) + 1, name=f"rest_{step}")
        m.d.comb += rest.eq(doubled - divisor)
        fits = ~rest[-1]
        remainder = Mux(fits, rest, doubled)[: len(divisor)]
        shifting = Cat(fits, shifting[:-1])
    return remainder, shifting
