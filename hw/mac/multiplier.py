# SPDX-License-Identifier: BSD-2-Clause
"""Multipliers shared by the rooms of this wing.

Three styles, equal in value:

- ``plain`` and ``dsp`` write ``a * b`` and leave the structure to the synthesis tool; ``dsp`` says
  that the user counts on a hard multiplier.
- ``booth`` is a radix-4 Booth multiplier out of multiplexers and adders: no tool turns it into a
  hard multiplier, and it costs about half the LUTs of what tools build from ``a * b``.
"""

from typing import Literal

from amaranth import Cat, Const, Module, Signal, Value, signed

Style = Literal["plain", "booth", "dsp"]


def product_shape(a: Value, b: Value) -> tuple[int, bool]:
    """Give width and signedness of the product; equal to those of Amaranth's ``a * b``."""
    return len(a) + len(b), a.shape().signed or b.shape().signed


def multiply(m: Module, a: Value, b: Value, style: Style) -> Value:
    """Multiply two integers of any width and signedness, without loss.

    Parameters
    ----------
    m : Module
        Where intermediate signals are driven.
    a, b : Value
        Operands. ``booth`` recodes ``a``, so a broadcast operand belongs there.
    style : str
        ``plain``, ``booth`` or ``dsp``.

    Returns
    -------
    Value
        The product, ``len(a) + len(b)`` bits, signed if an operand is.
    """
    if style != "booth":
        return a * b
    partial, carry = booth(m, a, b)
    width, is_signed = product_shape(a, b)
    total = add_with_carry(partial, Const(0, 1), carry)[:width]
    return total.as_signed() if is_signed else total


def multiply_partly(m: Module, a: Value, b: Value, style: Style) -> tuple[Value, Value]:
    """Multiply, but leave a carry of weight 1 to whoever adds the product to something.

    Returns
    -------
    tuple of Value
        ``(partial, carry)`` with ``a * b == partial + carry``; the carry is the constant 0 except
        for ``booth``, which saves an adder this way. Use `add_with_carry`.
    """
    if style == "booth":
        return booth(m, a, b)
    return a * b, Const(0, 1)


def add_with_carry(x: Value, y: Value, carry: Value) -> Value:
    """Add two integers and one bit with a single carry chain; the result has a bit more than the longer.

    A sum of three terms would become two chains in some tools: here the bit enters through an
    extra position below the lowest.
    """
    if isinstance(carry, Const) and carry.value == 0:
        return x + y
    left = Cat(Const(1, 1), _as_signed(x)).as_signed()
    right = Cat(carry, _as_signed(y)).as_signed()
    return (left + right)[1:].as_signed()


def booth(m: Module, a: Value, b: Value) -> tuple[Value, Value]:
    """Build radix-4 Booth rows and their balanced adder tree.

    Two bits of ``a`` at a time become a digit from -2..2. A negative digit gives the inverted row,
    and 1 is still to add at the row's lowest bit. An adder that joins two rows starts at the lowest
    bit of the upper one, so its carry input does that. Only the lowest row's 1 is left for the caller.

    Returns
    -------
    tuple of Value
        ``(partial, carry)``, see `multiply_partly`; partial is signed.
    """
    bits_a, bits_b = _as_signed(a), _as_signed(b)
    count = -(-len(bits_a) // 2)
    rows = [_row(m, bits_a, bits_b, index) for index in range(count)]
    step = 2
    while len(rows) > 1:
        pairs = []
        for at in range(0, len(rows), 2):
            low, negative = rows[at]
            if at + 1 < len(rows):
                high, minus = rows[at + 1]
                low = Cat(low[:step], add_with_carry(low[step:].as_signed(), high, minus)).as_signed()
            pairs.append((low, negative))
        rows, step = pairs, 2 * step
    width, is_signed = product_shape(a, b)
    # Partial may be one less than the product, so an unsigned product needs a sign here.
    partial = Signal(signed(width if is_signed else width + 1))
    m.d.comb += partial.eq(rows[0][0])
    return partial, rows[0][1]


def _row(m: Module, a: Value, b: Value, index: int) -> tuple[Value, Value]:
    """Give the row of one digit, inverted if the digit is negative, and whether it is."""
    sign = a[-1]
    triple = [
        a[at] if 0 <= at < len(a) else (sign if at >= 0 else Const(0, 1)) for at in range(2 * index - 1, 2 * index + 2)
    ]
    below, low, high = triple
    one, two = Signal(name=f"one_{index}"), Signal(name=f"two_{index}")
    m.d.comb += [one.eq(low ^ below), two.eq((high & ~low & ~below) | (~high & low & below))]
    once = Cat(b, b[-1])
    twice = Cat(Const(0, 1), b)
    row = Signal(signed(len(b) + 1), name=f"row_{index}")
    width = len(row)
    m.d.comb += row.eq(((one.replicate(width) & once) | (two.replicate(width) & twice)) ^ high.replicate(width))
    return row, high


def _as_signed(value: Value) -> Value:
    """Give the same number as a signed value."""
    if value.shape().signed:
        return value
    return Cat(value, Const(0, 1)).as_signed()


__all__ = ["Style", "add_with_carry", "booth", "multiply", "multiply_partly", "product_shape"]
