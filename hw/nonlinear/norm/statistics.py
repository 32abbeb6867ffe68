# SPDX-License-Identifier: BSD-2-Clause
"""Sums of a row as it comes in: of the elements, and of their squares."""

from dataclasses import dataclass

from amaranth import Cat, Const, Module, Mux, Shape, Signal, Value

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.nonlinear.norm.config import NormConfig


@dataclass
class Sums:
    """The sums of one row, held until they are taken.

    Attributes
    ----------
    enable : Signal
        All of the stages move; where it is low, nothing may come in.
    complete : Signal
        The sums are those of a whole row.
    total, squares : Signal
        Sum of the elements (kind ``layer``); sum of their squares and ``epsilon``, times `square_factor`.
    """

    enable: Signal
    complete: Signal
    total: Signal
    squares: Signal


def sum_rows(m: Module, config: NormConfig, push: Value, x: list[Value], last: Value, take: Value) -> Sums:
    """Add up rows. The finished sums stay in their accumulators until ``take``; meanwhile all stages wait."""
    pipe = Pipe(m)
    complete = Signal()
    # No stage of its own holds finished sums: a row that is long enough finds them gone in time.
    m.d.comb += pipe.enable.eq(~complete | take)

    elements = [pipe(value, f"x_{lane}") for lane, value in enumerate(x)]
    square = tree(pipe, [pipe(value * value, f"square_{lane}").as_unsigned() for lane, value in enumerate(elements)])
    if config.square_factor > 1:
        square = pipe(times(square, config.square_factor), "multiple")
    beat: Value = Const(0, 1)
    if config.kind == "layer":
        beat = tree(pipe, [pipe(value, f"late_{lane}") for lane, value in enumerate(elements)])
        beat = pipe(beat, "beat", int(config.square_factor > 1))
    depth = config.sum_cycles - 1
    valid = push
    for _ in range(depth):
        earlier, valid = valid, Signal(name="valid")
        with m.If(pipe.enable):
            m.d.sync += valid.eq(earlier)
    last = pipe(last, "last", depth)

    first = Signal(init=1)  # the next beat starts a row
    squares = Signal(config.square_bits, reset_less=True)
    total = Signal(Shape(config.sum_bits, True), reset_less=True)
    with m.If(pipe.enable):
        m.d.sync += complete.eq(valid & last)
    with m.If(pipe.enable & valid):
        m.d.sync += first.eq(last)
        start = Const(config.epsilon * config.square_factor, config.square_bits)
        m.d.sync += squares.eq(Mux(first, start, squares) + square)
        m.d.sync += total.eq(Mux(first, 0, total) + beat)
    return Sums(pipe.enable, complete, total, squares)


def tree(pipe: Pipe, terms: list[Value]) -> Value:
    """Add in pairs, a register after each level."""
    while len(terms) > 1:
        pairs = zip(terms[::2], terms[1::2], strict=False)
        odd = [pipe(terms[-1], "odd")] if len(terms) % 2 else []
        terms = [pipe(a + b, "sum") for a, b in pairs] + odd
    return terms[0]


def times(value: Value, factor: int) -> Value:
    """Multiply by a constant with few adders: its digits -1, 0, 1 have no two neighbours that are not 0."""
    total: Value | None = None
    place = 0
    while factor:
        if factor & 1:
            digit = 2 - (factor & 3)
            term = Cat(Const(0, place), value) if place else value
            term = term.as_signed() if value.shape().signed else term
            total = (term if digit > 0 else -term) if total is None else (total + term if digit > 0 else total - term)
            factor -= digit
        factor >>= 1
        place += 1
    return total if total is not None else Const(0, 1)
