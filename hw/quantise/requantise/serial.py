# SPDX-License-Identifier: BSD-2-Clause
"""The serial engine: multiply by shift and add, and let the same shifts divide."""

from amaranth import Cat, Const, Module, Mux, Signal, Value

from gatewright.hw.quantise.requantise.config import RequantiseConfig
from gatewright.hw.quantise.requantise.rounding import Quotient, magnitude_bits


class Steps:
    """The step counter that all lanes share.

    Attributes
    ----------
    count : Signal
        Position of the product bit that leaves in this cycle.
    go : Signal
        A beat is there and its steps are not over.
    done : Signal
        All steps are over; the quotients stand.
    clear : Signal
        The beat leaves: start afresh.
    """

    def __init__(self, m: Module, config: RequantiseConfig, valid: Value, free: Value) -> None:
        self.count = Signal(range(config.total_shift_max + 1))
        self.go, self.done, self.clear = Signal(), Signal(), Signal()
        m.d.comb += [
            self.done.eq(self.count == config.total_shift_max),
            self.go.eq(valid & ~self.done),
            self.clear.eq(valid & self.done & free),
        ]
        with m.If(self.clear):
            m.d.sync += self.count.eq(0)
        with m.Elif(self.go):
            m.d.sync += self.count.eq(self.count + 1)


def moving(m: Module, config: RequantiseConfig, steps: Steps, code: Value) -> Value:
    """Tell whether this step still counts: short shifts stand still at the end, so that all beats take equal time."""
    move = Signal()
    distance = config.total_shift_min + code * config.shift_step
    m.d.comb += move.eq(steps.go & ((steps.count < distance) if config.shift_bits else Const(1, 1)))
    return move


def multiply_and_divide(
    m: Module, config: RequantiseConfig, steps: Steps, move: Value, acc: Value, factor: Value, code: Value
) -> Quotient:
    """Build one lane: an adder, and the register that shifts right after each addition.

    After as many steps as the shift says the register holds the quotient, and the bits that
    left it have been folded into flags one at a time.
    """
    high = Signal.like(acc.as_signed(), name="high")
    half, some, every = Signal(), Signal(), Signal(init=1)
    total = Signal(len(acc) + 1)
    # Written as a choice after the adder, a step fits one logic cell per bit.
    m.d.comb += total.eq(Mux(factor.bit_select(steps.count, 1), high + acc.as_signed(), high))
    counts = steps.count >= config.fraction_bits  # bits under gemmlowp's first rounding do not
    with m.If(steps.clear):
        m.d.sync += [high.eq(0), half.eq(0), some.eq(0), every.eq(1)]
    with m.Elif(move):
        m.d.sync += [high.eq(total[1:].as_signed()), half.eq(total[0])]
        m.d.sync += [some.eq(some | (half & counts)), every.eq(every & (half | ~counts))]

    if config.contract == "gemmlowp" and config.shift_min == 0:  # no second rounding: some without every
        moved = code.any()
        flags = some | ~moved, every & moved
    else:
        flags = some, every
    size = magnitude_bits(config)
    negative = high[-1]
    bits = Cat(high, negative.replicate(max(size + 1 - len(high), 0)))
    overflow = (bits[size:] ^ negative.replicate(len(bits) - size)).any()
    return Quotient(bits[:size], negative, overflow, half, *flags)
