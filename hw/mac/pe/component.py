# SPDX-License-Identifier: BSD-2-Clause
"""Processing element."""

from typing import Any

from amaranth import Const, Module, ResetSignal, Signal, Value, signed
from amaranth.lib import stream

from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.mac.multiplier import add_with_carry, multiply_partly
from gatewright.hw.mac.pe.config import PeConfig


class Pe(RoomComponent):
    """Multiply, accumulate over a packet, give the sum.

    Members
    -------
    i : In(stream)
        ``a``, ``b``, ``last``: one product per beat.
    o : Out(stream)
        ``sum``: two's complement, one beat per packet.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: PeConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Build multiplier, accumulator and output."""
        m = Module()
        config: PeConfig = self.config
        advance = Signal()
        m.d.comb += self.i.ready.eq(advance)
        valid, last, product, carry = self._product(m, advance)

        # The accumulator never shows a finished sum: that leaves from the adder, while the
        # accumulator clears. So no multiplexer is needed to start afresh, only its reset pin.
        total = Signal(signed(config.acc_bits))
        accumulator = Signal(signed(config.acc_bits), reset_less=True)
        m.d.comb += total.eq(add_with_carry(accumulator, product, carry))
        with m.If((advance & valid) | ResetSignal()):
            m.d.sync += accumulator.eq(total)
            with m.If(last | ResetSignal()):
                m.d.sync += accumulator.eq(0)

        finished = valid & last
        if config.output_register:
            kept = Signal(signed(config.acc_bits), reset_less=True)
            m.d.comb += [self.o.payload.sum.eq(kept), advance.eq(~finished | ~self.o.valid | self.o.ready)]
            with m.If(finished & advance):
                m.d.sync += [self.o.valid.eq(1), kept.eq(total)]
            with m.Elif(self.o.ready):
                m.d.sync += self.o.valid.eq(0)
        else:
            m.d.comb += [self.o.payload.sum.eq(total), self.o.valid.eq(finished)]
            m.d.comb += advance.eq(~finished | self.o.ready)
        return m

    def _product(self, m: Module, advance: Value) -> tuple[Value, Value, Value, Value]:
        """Give valid, last, product and the product's carry, behind the registers that are asked for."""
        config = self.config
        beat = self.i.payload
        valid: Value = self.i.valid
        terms: tuple[Value, ...] = (beat.last, beat.a, beat.b)
        if config.input_register:
            valid, terms = self._stage(m, advance, "operand", valid, terms)
        last, a, b = terms
        terms = (last, *multiply_partly(m, a, b, config.multiplier))
        if config.product_register:
            valid, terms = self._stage(m, advance, "product", valid, terms)
        return valid, *terms

    @staticmethod
    def _stage(
        m: Module, advance: Value, name: str, valid: Value, terms: tuple[Value, ...]
    ) -> tuple[Value, tuple[Value, ...]]:
        """Put a register after every term that is no constant."""
        held_valid = Signal(name=f"{name}_valid")
        held = [
            term if isinstance(term, Const) else Signal(term.shape(), name=f"{name}_{index}", reset_less=True)
            for index, term in enumerate(terms)
        ]
        with m.If(advance):
            m.d.sync += held_valid.eq(valid)
            m.d.sync += [new.eq(old) for new, old in zip(held, terms, strict=True) if isinstance(new, Signal)]
        return held_valid, tuple(held)
