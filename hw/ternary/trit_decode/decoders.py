# SPDX-License-Identifier: BSD-2-Clause
"""Logic from a code to its trits, one function for each family of packings.

Each returns the trits of a group as one value, two bits a trit, and whether the code is undefined.
"""

from collections.abc import Callable

from amaranth import Cat, Module, Mux, Signal, Value

from gatewright.hw.ternary.packing.groups import GroupPacking
from gatewright.hw.ternary.truth import look_up

Decoder = Callable[[Module, GroupPacking, Value, str], tuple[Value, Value]]


def decoder(packing: GroupPacking) -> Decoder:
    """Pick the cheapest logic for a packing."""
    special: dict[str, Decoder] = {
        "base3_g4": _base3_g4, "base3_g5": _base3_g5, "tq1_g5": _fraction, "escape_g3": _escape_g3,
        "escape_g5": _escape_g5, "two_bit_signed": _two_bit_signed,
    }  # fmt: skip
    return special.get(packing.name, _table)


def digits(number: int, count: int) -> int:
    """Give the last base-3 digits of a number as trits of two bits, the most significant digit lowest."""
    trits = 0
    for _ in range(count):
        number, digit = divmod(number, 3)
        trits = trits << 2 | (digit - 1) & 3
    return trits


def _table(m: Module, packing: GroupPacking, code: Value, name: str) -> tuple[Value, Value]:
    """Short codes: a LUT or two for every bit."""
    entries = []
    for group in packing.groups:
        trits = sum((trit & 3) << 2 * k for k, trit in enumerate(group or ()))
        entries.append(trits | (group is None) << 2 * packing.group)
    bits = look_up(entries, 2 * packing.group + 1, code)
    return bits[:-1], bits[-1]


def _two_bit_signed(m: Module, packing: GroupPacking, code: Value, name: str) -> tuple[Value, Value]:
    undefined = code[1] & ~code[0]
    return Cat(code[0], code[1] & code[0]), undefined


def _split(m: Module, value: Value, low: int, divisor: int, name: str) -> tuple[Value, Value, Value]:
    """Take a value apart for a division: the remainder of its upper part, plus its lower part, is a short sum.

    Returns the upper part, the sum, and whether the sum holds the divisor once.
    """
    upper = value[low:]
    remainders = [(number << low) % divisor for number in range(1 << len(upper))]
    assert max(remainders) + (1 << low) - 1 < 2 * divisor
    total = Signal(range(max(remainders) + (1 << low)), name=f"{name}_sum")
    m.d.comb += total.eq(look_up(remainders, (divisor - 1).bit_length(), upper) + value[:low])
    carry = Signal(name=f"{name}_carry")
    m.d.comb += carry.eq(look_up([int(number >= divisor) for number in range(1 << len(total))], 1, total))
    return upper, total, carry


def _upper_digits(upper: Value, carry: Value, low: int, divisor: int, count: int) -> tuple[Value, Value]:
    """Give digits of the quotient, zero trits if it has more, and whether it has."""
    entries = []
    for number in range(1 << len(upper) + 1):
        quotient = ((number & (1 << len(upper)) - 1) << low) // divisor + (number >> len(upper))
        entries.append(digits(quotient, count) if quotient < 3**count else 1 << 2 * count)
    bits = look_up(entries, 2 * count + 1, Cat(upper, carry))
    return bits[:-1], bits[-1]


def _base3_g4(m: Module, packing: GroupPacking, code: Value, name: str) -> tuple[Value, Value]:
    """Divide by 9: nothing is wider than five inputs."""
    upper, total, carry = _split(m, code, 3, 9, name)
    high, undefined = _upper_digits(upper, carry, 3, 9, 2)
    low = look_up([digits(number, 2) for number in range(1 << len(total))], 4, total)
    return Cat(high, Mux(undefined, 0, low)), undefined


def _base3_g5(m: Module, packing: GroupPacking, code: Value, name: str) -> tuple[Value, Value]:
    """Divide by 27, then by 9."""
    upper, total, carry = _split(m, code, 4, 27, name)
    high, undefined = _upper_digits(upper, carry, 4, 27, 2)
    upper, rest, carry = _split(m, total, 3, 9, f"{name}_rest")
    quotients = [((number & 7) << 3) // 9 + (number >> 3) for number in range(16)]
    middle = look_up([digits(number, 1) for number in quotients], 2, Cat(upper, carry))
    low = look_up([digits(number, 2) for number in range(1 << len(rest))], 4, rest)
    return Cat(high, Mux(undefined, 0, Cat(middle, low))), undefined


def _fraction(m: Module, packing: GroupPacking, code: Value, name: str) -> tuple[Value, Value]:
    """Multiply a fraction by 3 again and again: each product's integer part is a digit.

    Five digits of a defined byte leave a rest below 243/256: the byte was rounded up by less than a digit.
    """
    trits: list[Value] = []
    for k in range(packing.group):
        product = Signal(packing.code_bits + 2, name=f"{name}_product_{k}")
        m.d.comb += product.eq(code + (code << 1))
        digit, code = product[packing.code_bits :], product[: packing.code_bits]
        trits.append(Cat(~digit[0], ~(digit[0] | digit[1])))
    undefined = code >= 3**packing.group
    return Mux(undefined, 0, Cat(*trits)), undefined


def _escape_g3(m: Module, packing: GroupPacking, code: Value, name: str) -> tuple[Value, Value]:
    f0, f1, c = code[0:2], code[2:4], code[4]
    e0, e1 = f0[1] & ~f0[0], f1[1] & ~f1[0]
    first = Mux(e0, c, Mux(e1, 3, f0))
    second = Mux(e1, Cat(f0[0], f0.all()), f1)
    third = Cat(e0 | e1 | c, e0 | e1)
    return Cat(first, second, third), e1 & (e0 | c)


def _escape_g5(m: Module, packing: GroupPacking, code: Value, name: str) -> tuple[Value, Value]:
    f0, f1, f2, c = (code[2 * k : 2 * k + 2] for k in range(4))
    escape = Signal(3, name=f"{name}_escape")
    m.d.comb += escape.eq(Cat(field[1] & ~field[0] for field in (f0, f1, f2)))
    e0, e1, e2 = escape
    one, two = escape.any(), e0 & e1 | e0 & e2 | e1 & e2
    pair = Cat(c[0], c.all())
    moved = Signal(2, name=f"{name}_moved")  # for the second and third trit, if their field holds an escape
    m.d.comb += moved.eq(Mux(e0, pair, f0))
    first = Mux(one, look_up([0, 0, 1, 0, 3, 1, 3, 0], 2, escape), f0)
    second = Mux(e1, moved, f1)
    third = Mux(e2, Mux(e1, pair, moved), f2)
    fourth_minus, fifth_minus = two | one & ~c[1], two | one & c[1]
    fourth = Cat(fourth_minus | Mux(one, c[0], c[1]), fourth_minus)
    fifth = Cat(fifth_minus | c[0], fifth_minus)
    return Cat(first, second, third, fourth, fifth), escape.all() | (two & c[1] & ~c[0])
