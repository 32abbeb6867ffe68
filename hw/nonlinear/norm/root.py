# SPDX-License-Identifier: BSD-2-Clause
"""A row's scale, one digit or two per cycle: the root of the radicand, then a constant divided by the root.

Both use the same subtracter, one per digit of a cycle. With the digits found so far as ``root``, a step of the root
tries ``4 * rest + pair - (4 * root + 1)`` and a step of the division ``4 * rest - (4 * root + 2)``, which is
twice ``2 * rest - divisor`` for the divisor ``2 * root + 1``: the root plus half of its last digit.
"""

from dataclasses import dataclass
from typing import NamedTuple

from amaranth import Cat, Module, Mux, Shape, Signal, Value

from gatewright.hw.nonlinear.norm.config import NormConfig
from gatewright.hw.nonlinear.norm.statistics import Sums


@dataclass
class Scale:
    """A row's scale, ``digits * 2**-exponent``, and its sum.

    Attributes
    ----------
    digits : Signal
        Significant digits; the low bits of the exponent took part in how many there are.
    code : Value
        The exponent's other bits.
    total : Signal
        Sum of the elements; kind ``layer``.
    """

    digits: Value
    code: Value
    total: Value


def find_scale(m: Module, config: NormConfig, sums: Sums, take: Value, steps: Value) -> Scale:
    """Find a scale for every ``take``, in a fixed number of steps.

    Parameters
    ----------
    m : Module
        Gets the logic.
    config : NormConfig
        Widths and numbers of steps.
    sums : Sums
        What ``take`` takes.
    take : Value
        The sums are complete and the last scale has been used.
    steps : Value
        Steps that are left; 0 once the scale is there.
    """
    total = Signal(Shape(config.sum_bits, True), name="row_total", reset_less=True)
    start, radicand = _radicand(m, config, sums, take, total)

    spare = config.digits * config.root_cycles - config.root_steps  # zeros in front of the radicand
    left = Signal(2 * (config.pairs + spare), reset_less=True)  # bits of it that have not come down yet
    rest = Signal(config.root_bits + 1, reset_less=True)
    root = Signal(config.root_bits, reset_less=True)
    digits = Signal(config.scale_bits, reset_less=True)
    exponent = Signal(config.exponent_bits, reset_less=True)
    dividing = Signal(reset_less=True)

    fine = exponent[: config.fine_bits]
    over = config.digits * config.divide_cycles - config.scale_bits
    state = _State(rest, root, digits, exponent)
    for step in range(config.digits):
        pair = left.bit_select(len(left) - 2 * step - 2, 2)  # nothing but zeros comes down while dividing
        keeps = steps * config.digits - (over + step) > fine  # the exponent's low bits cost the scale as many digits
        state = _step(m, state, pair, dividing, keeps)
    m.d.sync += [register.eq(value) for register, value in zip((rest, root, digits, exponent), state, strict=True)]
    m.d.sync += left.eq(left << (2 * config.digits))
    with m.If(steps == config.divide_cycles + 1):
        m.d.sync += [rest.eq(config.numerator), dividing.eq(1)]
    with m.If(start):
        m.d.sync += [left.eq(radicand), rest.eq(0), root.eq(0), digits.eq(0), exponent.eq(0), dividing.eq(0)]
    return Scale(digits, exponent[config.fine_bits :], total)


class _State(NamedTuple):
    """What a step changes."""

    rest: Value
    root: Value
    digits: Value
    exponent: Value


def _step(m: Module, state: _State, pair: Value, dividing: Value, keeps: Value) -> _State:
    """Find a digit: of the root, or of the scale, where it is kept."""
    rest, root, digits, exponent = state
    tried = Cat(pair, rest)
    difference = Signal(len(tried) + 1)
    m.d.comb += difference.eq(tried - Cat(~dividing, dividing, root))
    digit = ~difference[-1]
    after = Mux(digit, difference, tried)
    found = root[-1]  # all digits of the root; what is left of the radicand does not count
    return _State(
        rest=Mux(dividing, after[1:], after)[: len(rest)],
        root=Mux(dividing | found, root, Cat(digit, root)[: len(root)]),
        digits=Mux(dividing & keeps, Cat(digit, digits)[: len(digits)], digits),
        exponent=(exponent + (~dividing & found))[: len(exponent)],
    )


def _radicand(m: Module, config: NormConfig, sums: Sums, take: Value, total: Signal) -> tuple[Value, Value]:
    """Give the cycle in which the radicand is there, and the radicand."""
    if config.kind == "rms":
        return take, sums.squares
    taken, ready = Signal(), Signal()
    squares = Signal(config.square_bits, name="row_squares", reset_less=True)
    square = Signal(config.total_square_bits, reset_less=True)
    m.d.sync += [taken.eq(take), ready.eq(taken), square.eq(total * total)]
    with m.If(take):
        m.d.sync += [squares.eq(sums.squares), total.eq(sums.total)]
    return ready, (squares << config.zeros) - square
