# SPDX-License-Identifier: BSD-2-Clause
"""Multipliers shared by the rooms of this wing.

Three styles, equal in value:

- ``plain`` and ``dsp`` write ``a * b`` and leave the structure to the synthesis tool; ``dsp`` says
  that the user counts on a hard multiplier.
- ``booth`` is a radix-4 Booth multiplier out of multiplexers and adders: no tool turns it into a
  hard multiplier, and it costs about half the LUTs of what tools build from ``a * b``.
"""

from typing import Literal

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed

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


def add_with_carry(x: Value, y: Value, carry: Value, also: Value | None = None) -> Value:
    """Add two integers and one bit with a single carry chain; the result has a bit more than the longer.

    A sum of three terms would become two chains in some tools: here the bit enters through an
    extra position below the lowest. With ``also`` the bit is ``carry & also``, and that position
    computes it for nothing.
    """
    if isinstance(carry, Const) and carry.value == 0:
        return x + y
    left = Cat(Const(1, 1) if also is None else also, _as_signed(x)).as_signed()
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
    bits = _as_signed(a)
    sign = bits[-1]
    digits = []
    for start in range(-1, len(bits) - 1, 2):
        triple = [Const(0, 1) if at < 0 else bits[at] if at < len(bits) else sign for at in range(start, start + 3)]
        digits.append(_digit(*triple))
    rows = [_row(m, digit, _as_signed(b), index) for index, digit in enumerate(digits)]
    return _add_rows(m, rows, product_shape(a, b))


def recode(m: Module, a: Value) -> list[Value]:
    """Turn an operand into digits for `multiply_recoded`; a register goes well between the two.

    Digits lie in -1..2, only the top one in -2..2: where two bits and a carry make 3 or 4, the next
    digit gets a carry. Two bits select such a digit's row, so that each bit of it is one 4-input
    LUT; a row of -2..2 takes two. The carries pass from digit to digit, but ahead of the register.

    Returns
    -------
    list of Value
        2 bits per digit, 3 for the top one, lowest digit first.
    """
    bits = _as_signed(a)
    digits: list[Value] = []
    carry: Value = Const(0, 1)
    for at in range(0, len(bits) - 2, 2):
        low, high = bits[at], bits[at + 1]
        digits.append(Cat(low ^ carry, high ^ (low & carry)))
        passed = Signal(name=f"carry_{at}")
        m.d.comb += passed.eq(high & (low | carry))
        carry = passed
    digits.append(_digit(carry, bits[len(bits) - 2 + len(bits) % 2], bits[-1]))
    return digits


def multiply_recoded(m: Module, digits: list[Value], b: Value, shape: tuple[int, bool]) -> tuple[Value, Value]:
    """Multiply as `booth` does, by the digits of `recode`.

    Parameters
    ----------
    digits : list of Value
        From `recode`.
    b : Value
        The other operand.
    shape : (int, bool)
        Width and signedness of the product, from `product_shape`.

    Returns
    -------
    tuple of Value
        ``(partial, carry)``, see `multiply_partly`; partial is signed.
    """
    rows = [_short_row(m, digit, _as_signed(b), index) for index, digit in enumerate(digits[:-1])]
    rows.append(_row(m, digits[-1], _as_signed(b), len(rows)))
    return _add_rows(m, rows, shape)


def _digit(below: Value, low: Value, high: Value) -> Value:
    """Give a Booth digit: it is 1 or -1, it is 2 or -2, its row is inverted."""
    return Cat(low ^ below, (high & ~low & ~below) | (~high & low & below), high)


def _row(m: Module, digit: Value, b: Value, index: int) -> tuple[Value, Value]:
    """Give the row of a digit from -2..2, inverted if the digit is negative, and what says so."""
    width = len(b) + 1
    one, two, negative = (digit[bit].replicate(width) for bit in range(3))
    row = Signal(signed(width), name=f"row_{index}")
    m.d.comb += row.eq(((one & Cat(b, b[-1])) | (two & Cat(Const(0, 1), b))) ^ negative)
    return row, digit[2]


def _short_row(m: Module, digit: Value, b: Value, index: int) -> tuple[Value, Value]:
    """Give the row of a digit from -1..2, inverted if the digit is -1, and its bits: both 1 then."""
    once, twice = Cat(b, b[-1]), Cat(Const(0, 1), b)
    row = Signal(signed(len(once)), name=f"row_{index}")
    m.d.comb += row.eq(Mux(digit[1], Mux(digit[0], ~once, twice), Mux(digit[0], once, 0)))
    return row, digit


def _add_rows(m: Module, rows: list[tuple[Value, Value]], shape: tuple[int, bool]) -> tuple[Value, Value]:
    """Add rows that lie two bits apart; give the sum and the 1 that the lowest row lacks if inverted.

    Each row comes with one or two bits: it lacks a 1 if all are 1.
    """
    step = 2
    while len(rows) > 1:
        pairs = []
        for at in range(0, len(rows), 2):
            low, negative = rows[at]
            if at + 1 < len(rows):
                high, minus = rows[at + 1]
                total = add_with_carry(low[step:].as_signed(), high, minus[0], minus[1] if len(minus) == 2 else None)
                low = Cat(low[:step], total).as_signed()
            pairs.append((low, negative))
        rows, step = pairs, 2 * step
    width, is_signed = shape
    # Partial may be one less than the product, so an unsigned product needs a sign here.
    partial = Signal(signed(width if is_signed else width + 1))
    m.d.comb += partial.eq(rows[0][0])
    return partial, rows[0][1].all()


def _as_signed(value: Value) -> Value:
    """Give the same number as a signed value."""
    if value.shape().signed:
        return value
    return Cat(value, Const(0, 1)).as_signed()


__all__ = [
    "Style", "add_with_carry", "booth", "multiply", "multiply_partly", "multiply_recoded", "product_shape", "recode",
]  # fmt: skip
