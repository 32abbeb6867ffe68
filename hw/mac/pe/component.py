# SPDX-License-Identifier: BSD-2-Clause
"""Processing element."""

from typing import Any

from amaranth import Const, Module, Mux, ResetSignal, Signal, Value, signed
from amaranth.lib import stream

from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.mac.multiplier import add_with_carry, multiply_partly, multiply_recoded, product_shape, recode
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

        if config.output == "accumulator":
            self._loading(m, advance, valid, last, product)
        else:
            self._clearing(m, advance, valid, last, product, carry)
        return m

    def _loading(self, m: Module, advance: Value, valid: Value, last: Value, product: Value) -> None:
        """Keep a finished sum in the accumulator; the next packet's first product replaces it.

        The choice between product and sum fits into the adder's own cells where these have an input
        to spare, as in iCE40.
        """
        first = Signal(init=1)
        accumulator = Signal(signed(self.config.acc_bits), reset_less=True)
        m.d.comb += [self.o.payload.sum.eq(accumulator), advance.eq(~valid | ~self.o.valid | self.o.ready)]
        with m.If(advance & valid):
            m.d.sync += accumulator.eq(Mux(first, product, accumulator + product))
            m.d.sync += [first.eq(last), self.o.valid.eq(last)]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)

    def _clearing(self, m: Module, advance: Value, valid: Value, last: Value, product: Value, carry: Value) -> None:
        """Let a finished sum leave from the adder while the accumulator clears.

        No multiplexer is needed to start afresh, only the reset pin of the accumulator's flip-flops.
        """
        config: PeConfig = self.config
        total = Signal(signed(config.acc_bits))
        accumulator = Signal(signed(config.acc_bits), reset_less=True)
        m.d.comb += total.eq(add_with_carry(accumulator, product, carry))
        with m.If((advance & valid) | ResetSignal()):
            m.d.sync += accumulator.eq(total)
            with m.If(last | ResetSignal()):
                m.d.sync += accumulator.eq(0)

        finished = valid & last
        if config.output == "adder":
            m.d.comb += [self.o.payload.sum.eq(total), self.o.valid.eq(finished)]
            m.d.comb += advance.eq(~finished | self.o.ready)
            return
        kept = Signal(signed(config.acc_bits), reset_less=True)
        m.d.comb += [self.o.payload.sum.eq(kept), advance.eq(~finished | ~self.o.valid | self.o.ready)]
        with m.If(finished & advance):
            m.d.sync += [self.o.valid.eq(1), kept.eq(total)]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)

    def _product(self, m: Module, advance: Value) -> tuple[Value, Value, Value, Value]:
        """Give valid, last, product and the product's carry, behind the registers that are asked for."""
        config = self.config
        beat = self.i.payload
        valid: Value = self.i.valid
        # Ahead of a register the digits of ``a`` cost next to nothing.
        early = config.input_register and config.multiplier == "booth"
        terms: tuple[Value, ...] = (beat.last, beat.b, *(recode(m, beat.a) if early else [beat.a]))
        if config.input_register:
            valid, terms = self._stage(m, advance, "operand", valid, terms)
        last, b, *a = terms
        if early:
            terms = (last, *multiply_recoded(m, a, b, product_shape(beat.a, beat.b)))
        else:
            terms = (last, *multiply_partly(m, a[0], b, config.multiplier))
        if config.product_register:
            valid, terms = self._stage(m, advance, "product", valid, terms)
        if config.exact_register:
            last, partial, carry = terms
            exact = add_with_carry(Const(0, 1), partial, carry)[: len(partial)].as_signed()
            valid, terms = self._stage(m, advance, "exact", valid, (last, exact, Const(0, 1)))
        last, product, carry = terms
        return valid, last, product, carry

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
