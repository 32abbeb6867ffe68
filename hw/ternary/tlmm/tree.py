# SPDX-License-Identifier: BSD-2-Clause
"""A registered adder tree whose operands may lack a carry.

The negative of ``t`` is ``~t + 1``. Inverting costs nothing: the LUT in front of each carry cell has
inputs to spare. The 1 goes in as the carry of an adder. A tree of n operands has n - 1 adders: every
sum takes one of its operands' carries, hands the other on, and one is left at the root.
"""

from dataclasses import dataclass

from amaranth import Value

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.mac.multiplier import add_with_carry
from gatewright.hw.ternary.tlmm.config import TlmmConfig


@dataclass(frozen=True)
class Part:
    """A sum of ``terms`` weighted activations.

    Attributes
    ----------
    value : Value
        Two's complement; the sum less its carry.
    carry : Value or None
        What is missing, 0 or 1; None if nothing ever is.
    """

    terms: int
    value: Value
    carry: Value | None = None


def add(config: TlmmConfig, left: Part, right: Part) -> Part:
    """Add two sums in one carry chain."""
    terms = left.terms + right.terms
    if left.carry is None:
        total, bits = left.value + right.value, config.sum_bits(terms)
    else:
        total, bits = add_with_carry(left.value, right.value, left.carry), config.part_bits(terms)
    return Part(terms, total[:bits].as_signed(), right.carry)


def hold(pipe: Pipe, part: Part, name: str, cycles: int = 1) -> Part:
    """Delay a sum."""
    carry = None if part.carry is None else pipe(part.carry, f"{name}_carry", cycles)
    return Part(part.terms, pipe(part.value, name, cycles), carry)


def sum_up(pipe: Pipe, config: TlmmConfig, parts: list[Part], name: str) -> Part:
    """Add operands in ``config.levels`` registered levels; an odd one waits."""
    for level in range(config.levels):
        pairs = [parts[index : index + 2] for index in range(0, len(parts), 2)]
        sums = [add(config, *pair) if len(pair) == 2 else pair[0] for pair in pairs]
        parts = [hold(pipe, part, f"{name}_level{level}_{index}") for index, part in enumerate(sums)]
    (root,) = parts
    return root
