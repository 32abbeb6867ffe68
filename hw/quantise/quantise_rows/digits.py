# SPDX-License-Identifier: BSD-2-Clause
"""The engine that divides every lane by the row's peak: one quotient bit per addition."""

from dataclasses import dataclass

from amaranth import Cat, Const, Module, Signal, Value

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.quantise.quantise_rows.config import QuantiseRowsConfig


@dataclass
class Lane:
    """What travels down the stages: ``x * levels`` minus multiples of the peak, and the bits found.

    Attributes
    ----------
    remainder : Value
        Two's complement, as wide as ``x``: it lies in ``-peak..peak - 1`` after every step.
    negative : Value
        Its sign, which the next step undoes.
    pending : Value
        Bits of the product that have not entered the remainder.
    found : Value
        Bits of the rounded-down quotient, offset binary; the latest is bit 0.
    """

    remainder: Value
    negative: Value
    pending: Value
    found: Value


def quotients(config: QuantiseRowsConfig, pipe: Pipe, x: list[Value], peak: Value) -> tuple[list[Value], Value]:
    """Divide by the peak and round; a row of zeros is divided by 1. Give the quotients and the scale beside them."""
    lanes = [_start(config, pipe, element) for element in x]
    peak = pipe(peak, "peak")  # a block RAM is slow: the test for zero waits for a register
    none: Value = Signal()
    divisor: Value = Signal(config.in_bits)
    pipe.m.d.comb += [none.eq(peak == 0), divisor.eq(peak | none)]
    for index in range(config.out_bits):
        if index > 0:
            lanes = [_double(lane) for lane in lanes]
        lanes = [_step(pipe.m, lane, divisor) for lane in lanes]
        if (index + 1) % config.bits_per_stage == 0 or index + 1 == config.out_bits:
            lanes = [_register(pipe, lane) for lane in lanes]
            divisor, none = pipe(divisor, "divisor"), pipe(none, "none")
    return [_finish(lane) for lane in lanes], Cat(divisor[0] & ~none, divisor[1:])


def _start(config: QuantiseRowsConfig, pipe: Pipe, x: Value) -> Lane:
    """Multiply by the levels, which are one less than a power of two; register."""
    shift = config.out_bits - 1
    wide = ((x.as_signed() << shift) - x.as_signed() if shift > 1 else x)[: config.in_bits + shift - 1]
    product, negative = pipe(wide, "product"), pipe(x[-1], "negative")
    return Lane(product[shift - 1 :], negative, product[: shift - 1], Const(0, 0))


def _step(m: Module, lane: Lane, peak: Value) -> Lane:
    """Move the remainder towards zero by the peak: subtract it from one that is not negative, else add it.

    The first step weighs half the range, each further one half of the step before it; the step after the
    quotient's bit 0 weighs a half and rounds.
    """
    towards = ~lane.negative
    moved = Signal(len(peak) + 1)
    m.d.comb += moved.eq(Cat(towards, lane.remainder) + Cat(towards, peak ^ towards.replicate(len(peak))))
    remainder = moved[1:]  # bit 0 only carried in
    return Lane(remainder, remainder[-1], lane.pending, Cat(towards, lane.found))


def _double(lane: Lane) -> Lane:
    """Make room for the next bit of the product, or a zero after its last."""
    entering = lane.pending[-1] if len(lane.pending) else Const(0, 1)
    return Lane(Cat(entering, lane.remainder[:-1]), lane.negative, lane.pending[:-1], lane.found)


def _register(pipe: Pipe, lane: Lane) -> Lane:
    """Register a lane between two stages."""
    remainder = pipe(lane.remainder, "remainder")
    return Lane(remainder, remainder[-1], pipe(lane.pending, "pending"), pipe(lane.found, "found"))


def _finish(lane: Lane) -> Value:
    """Round up beyond a tie, and at a tie if that makes the result even."""
    up = ~lane.negative & (lane.remainder[:-1].any() | lane.found[0])
    floor = Cat(lane.found[:-1], ~lane.found[-1])
    return (floor + up)[: len(floor)]
