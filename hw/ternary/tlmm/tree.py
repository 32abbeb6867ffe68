# SPDX-License-Identifier: BSD-2-Clause
"""A registered adder tree whose operands may lack a carry.

The negative of ``t`` is ``~t + 1``. Inverting costs nothing: the LUT in front of each carry cell has
inputs to spare. The 1 goes in as the carry of an adder. A tree of n operands has n - 1 adders: every
sum takes one of its operands' carries, hands the other on, and one is left at the root.

Vectors side by side have a tree each. Weights alone decide what is inverted, so all share the carries.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth import Cat, Const, Value

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.ternary.tlmm.config import TlmmConfig


@dataclass(frozen=True)
class Part:
    """Sums of ``terms`` weighted activations each, with the same weights.

    Attributes
    ----------
    values : tuple of Value
        By vector, two's complement: the sum less its carry.
    carry : Value or None
        What each lacks, 0 or 1; None if nothing ever is.
    """

    terms: int
    values: tuple[Value, ...]
    carry: Value | None = None


def join(left: Value, right: Value, carry: Value | None, bits: int) -> Value:
    """Add two signed integers and a carry in one chain; give the lowest ``bits``.

    The carry takes a place of the chain below the lowest. Where that would leave half a carry cell
    idle, the lowest bit gets a LUT of its own and that place makes the carry out of it.
    """
    if carry is None:
        return (left + right)[:bits].as_signed()
    if bits % 2:
        return (Cat(Const(1, 1), left).as_signed() + Cat(carry, right).as_signed())[1 : bits + 1].as_signed()
    a, b = left[0], right[0]
    above = join(left[1:].as_signed(), right[1:].as_signed(), (a & b) | (carry & (a | b)), bits - 1)
    return Cat(a ^ b ^ carry, above).as_signed()


def add(config: TlmmConfig, left: Part, right: Part) -> Part:
    """Add sums, each vector's in one carry chain."""
    terms = left.terms + right.terms
    bits = config.sum_bits(terms) if left.carry is None else config.part_bits(terms)
    pairs = zip(left.values, right.values, strict=True)
    return Part(terms, tuple(join(a, b, left.carry, bits) for a, b in pairs), right.carry)


def accumulate(config: TlmmConfig, kept: list[Value], root: Part) -> list[Value]:
    """Add a block's sums to those of the blocks before it."""
    return [join(a, b, root.carry, config.acc_bits) for a, b in zip(kept, root.values, strict=True)]


def hold(pipe: Pipe, part: Part, name: str, cycles: int = 1) -> Part:
    """Delay sums."""
    carry = None if part.carry is None else pipe(part.carry, f"{name}_carry", cycles)
    return Part(part.terms, tuple(pipe(value, name, cycles) for value in part.values), carry)


def sum_up(pipes: Sequence[Pipe], config: TlmmConfig, parts: list[Part], name: str) -> Part:
    """Add operands in ``config.levels`` registered levels, each of a pipe; an odd one waits."""
    for level, pipe in zip(range(config.levels), pipes, strict=False):
        pairs = [parts[index : index + 2] for index in range(0, len(parts), 2)]
        sums = [add(config, *pair) if len(pair) == 2 else pair[0] for pair in pairs]
        parts = [hold(pipe, part, f"{name}_level{level}_{index}") for index, part in enumerate(sums)]
    (root,) = parts
    return root
