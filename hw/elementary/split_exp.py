# SPDX-License-Identifier: BSD-2-Clause
"""Exponentials by two small tables and one product: ``e**(h + l) == e**h * e**l``.

An index splits into its high and its low bits; each half looks up a factor, and the product of the
factors is the exponential. Tables of 16 entries cost one 4-input LUT per bit, the product one hard
multiplier. The factors are made so that the exact products never fall where the exponential rises,
nor rise where it falls: whatever truncates them keeps the order of the inputs.
"""

from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from functools import cache

# Decimal arithmetic rounds alike on every machine, libm does not.
_EXACT = Context(prec=60)
_LN2 = Decimal(2).ln(_EXACT)


@dataclass(frozen=True)
class SplitExp:
    """Tables of a fixed-point exponential: ``value(i) == high[i >> low_bits] * low[i & mask] >> drop``.

    Attributes
    ----------
    high, low : tuple of int
        Factors, for the index's high and low bits.
    low_bits : int
        Bits of the index that address ``low``.
    drop : int
        Bits of the product below the result.
    """

    high: tuple[int, ...]
    low: tuple[int, ...]
    low_bits: int
    drop: int

    def product(self, index: int) -> int:
        """Give the exact product of an index's factors."""
        return self.high[index >> self.low_bits] * self.low[index & ((1 << self.low_bits) - 1)]


@dataclass(frozen=True)
class FloatExp:
    """Tables of a floating-point exponential: factors are ``mantissa * 2**exponent``.

    Mantissas hold ``width`` fraction bits and lie in 1..2, so their product lies in 1..4; it keeps
    ``2 * width - drop`` fraction bits.
    """

    high: tuple[tuple[int, int], ...]
    low: tuple[tuple[int, int], ...]
    low_bits: int
    drop: int

    def product(self, index: int) -> tuple[int, int]:
        """Give the exact product of an index's mantissas, and the sum of its exponents."""
        high, low = self.high[index >> self.low_bits], self.low[index & ((1 << self.low_bits) - 1)]
        return high[0] * low[0], high[1] + low[1]


def low_bits_of(index_bits: int) -> int:
    """Split an index: as evenly as it goes, the larger half at the top."""
    return index_bits // 2


@cache
def falling(step: tuple[int, int], index_bits: int, width: int, fraction_bits: int) -> SplitExp:
    """Tabulate ``2**fraction_bits * exp(-c * index)``, 1 at index 0 exactly.

    Parameters
    ----------
    step : tuple of int
        The constant c as numerator and binary fraction bits: ``c == step[0] / 2**step[1]``.
    index_bits : int
        Width of the index.
    width : int
        Fraction bits of a factor; 1 itself fits.
    fraction_bits : int
        Fraction bits of the result.
    """
    split = low_bits_of(index_bits)
    low = [_power(step, -index, width) for index in range(1 << split)]
    high = [1 << width]
    for index in range(1, 1 << (index_bits - split)):
        # The first product of a block may not exceed the last one of the block before.
        high.append(min(_power(step, -index << split, width), high[-1] * low[-1] // low[0]))
    return SplitExp(tuple(high), tuple(low), split, 2 * width - fraction_bits)


@cache
def rising(
    step: tuple[int, int], index_bits: int, top: int, high_width: int, low_width: int, fraction_bits: int
) -> SplitExp:
    """Tabulate ``2**fraction_bits * exp(c * (index - top))`` up to index ``top``, and 0 above it.

    ``top`` must end a block: its low bits are all ones. Parameters as in `falling`, with a width for
    each table, since the factors of high bits are small numbers.
    """
    split = low_bits_of(index_bits)
    last = (1 << split) - 1
    low = [_power(step, index - last, low_width) for index in range(last + 1)]
    high = [1 << high_width]
    for index in reversed(range(top >> split)):
        most = high[0] * low[0] // low[-1]
        high.insert(0, min(_power(step, ((index - (top >> split)) << split), high_width), most))
    high += [0] * ((1 << (index_bits - split)) - len(high))
    return SplitExp(tuple(high), tuple(low), split, high_width + low_width - fraction_bits)


@cache
def floating(step: tuple[int, int], index_bits: int, width: int, fraction_bits: int) -> FloatExp:
    """Tabulate ``exp(c * index)`` as mantissa and exponent, ``width`` fraction bits in a factor's mantissa."""
    split = low_bits_of(index_bits)
    low = [_split_power(step, index, width) for index in range(1 << split)]
    high = [(1 << width, 0)]
    for index in range(1, 1 << (index_bits - split)):
        mantissa, exponent = high[-1][0] * low[-1][0], high[-1][1] + low[-1][1]
        here = _split_power(step, index << split, width)
        # As in `falling`: at least the last product of the block before, which ends at a factor of 1.
        distance = here[1] - exponent
        least = -(-mantissa >> (width + distance)) if distance >= 0 else -(-mantissa << -distance >> width)
        high.append(_normal(max(here[0], least), here[1], width))
    return FloatExp(tuple(high), tuple(low), split, 2 * width - fraction_bits)


def _power(step: tuple[int, int], index: int, width: int) -> int:
    """Round ``2**width * exp(c * index)``."""
    value = _EXACT.exp(_exponent(step, index))
    return int(_EXACT.multiply(value, Decimal(1 << width)).to_integral_value(ROUND_HALF_EVEN))


def _split_power(step: tuple[int, int], index: int, width: int) -> tuple[int, int]:
    """Round ``exp(c * index)`` to a mantissa in 1..2 and an exponent."""
    power = _exponent(step, index)
    exponent = int(_EXACT.divide(power, _LN2).to_integral_value(ROUND_FLOOR))
    rest = _EXACT.exp(_EXACT.subtract(power, _EXACT.multiply(_LN2, Decimal(exponent))))
    mantissa = int(_EXACT.multiply(rest, Decimal(1 << width)).to_integral_value(ROUND_HALF_EVEN))
    return _normal(mantissa, exponent, width)


def _normal(mantissa: int, exponent: int, width: int) -> tuple[int, int]:
    return (-(-mantissa >> 1), exponent + 1) if mantissa >> (width + 1) else (mantissa, exponent)


def _exponent(step: tuple[int, int], index: int) -> Decimal:
    return _EXACT.divide(Decimal(step[0] * index), Decimal(1 << step[1]))

