# SPDX-License-Identifier: BSD-2-Clause
"""Logic from a group of trits to its code, one function for each family of packings.

A trit comes as two bits, (sign, nonzero) from the top; where nonzero is off it counts as 0.
"""

from collections.abc import Callable, Sequence

from amaranth import Cat, Const, Module, Mux, Signal, Value

from gatewright.hw.ternary.packing.groups import GroupPacking
from gatewright.hw.ternary.truth import look_up

Encoder = Callable[[Module, GroupPacking, Sequence[Value], str], Value]


def encoder(packing: GroupPacking) -> Encoder:
    """Pick the logic for a packing."""
    special: dict[str, Encoder] = {
        "tl2": _sign_magnitude, "tq1_g5": _fraction, "escape_g3": _escape_g3, "escape_g5": _escape_g5,
        "two_bit_signed": _two_bit_signed,
    }  # fmt: skip
    return special.get(packing.name, _base3)


def _weighed(trits: Sequence[Value], weights: Sequence[int], offset: int, bits: int) -> Value:
    """Give a table of ``offset + sum of trit * weight`` over a pair of trits, modulo ``2**bits``."""
    values = (0, 1, 0, -1)  # of the patterns 00, 01, 10, 11
    entries = []
    for pattern in range(4 ** len(trits)):
        total = sum(values[pattern >> 2 * k & 3] * weight for k, weight in enumerate(weights))
        entries.append((offset + total) % (1 << bits))
    return look_up(entries, bits, Cat(*trits))


def _number(m: Module, trits: Sequence[Value], signed: bool, name: str) -> Value:
    """Read trits as a base-3 number, balanced or with digits ``trit + 1``: a table for each pair, and their sum."""
    powers = [3 ** (len(trits) - 1 - k) for k in range(len(trits))]
    terms = []
    for start in range(0, len(trits), 2):
        weights = powers[start : start + 2]
        offset, top = (0, sum(weights)) if signed else (sum(weights), 2 * sum(weights))
        bits = top.bit_length() + signed
        table = _weighed(trits[start : start + 2], weights, offset, bits)
        terms.append(table.as_signed() if signed else table)
    top = (3 ** len(trits) - 1) // (2 if signed else 1)
    total = Signal(range(-top if signed else 0, top + 1), name=f"{name}_number")
    m.d.comb += total.eq(sum(terms[1:], terms[0]))
    return total


def _base3(m: Module, packing: GroupPacking, trits: Sequence[Value], name: str) -> Value:
    return _number(m, trits, False, name)


def _two_bit_signed(m: Module, packing: GroupPacking, trits: Sequence[Value], name: str) -> Value:
    return _plain(trits[0])


def _sign_magnitude(m: Module, packing: GroupPacking, trits: Sequence[Value], name: str) -> Value:
    number = _number(m, trits, True, name)
    magnitudes = [min(value, 32 - value) for value in range(32)]
    return Cat(look_up(magnitudes, 4, number.as_unsigned()), number[-1])


def _fraction(m: Module, packing: GroupPacking, trits: Sequence[Value], name: str) -> Value:
    """Round ``number * 256 / 243`` up: the number and a little more."""
    number = _number(m, trits, False, name)
    return (number + look_up([-(-13 * value // 243) for value in range(243)], 4, number))[:8]


def _plain(trit: Value) -> Value:
    return Cat(trit[0], trit.all())


ESCAPE = Const(2, 2)


def _escape_g3(m: Module, packing: GroupPacking, trits: Sequence[Value], name: str) -> Value:
    first, second, third = (_plain(trit) for trit in trits)
    # The third trit, then the first, lose their places if they are -1.
    f0 = Mux(third[1], Mux(first[1], second, ESCAPE), first)
    f1 = Mux(third[1] & first[1], ESCAPE, second)
    c = Mux(third[1], first[0] & ~first[1], third[0])
    return Cat(f0, f1, c)


def _escape_g5(m: Module, packing: GroupPacking, trits: Sequence[Value], name: str) -> Value:
    first, second, third, fourth, fifth = (_plain(trit) for trit in trits)
    one, two = Signal(name=f"{name}_one"), Signal(name=f"{name}_two")
    m.d.comb += [one.eq(fourth[1] | fifth[1]), two.eq(fourth[1] & fifth[1])]
    # What the first trit is decides which fields hold an escape.
    zero, plus, minus = ~first[0], first[0] & ~first[1], first[1]
    f0 = Mux(two, Mux(minus, second, ESCAPE), Mux(one, Mux(zero, ESCAPE, Mux(plus, second, third)), first))
    f1 = Mux(two, Mux(plus, second, ESCAPE), Mux(one & plus, ESCAPE, second))
    f2 = Mux(two, Mux(zero, third, ESCAPE), Mux(one & minus, ESCAPE, third))
    tail = Mux(one, Cat(Mux(fourth[1], fifth[0], fourth[0]), ~fourth[1]), Cat(fifth[0], fourth[0]))
    return Cat(f0, f1, f2, Mux(two, Mux(zero, second, third), tail))
