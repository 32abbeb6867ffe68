# SPDX-License-Identifier: BSD-2-Clause
"""The specification that fit, golden model and hardware share: an integer piecewise polynomial, stored in tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Table:
    """Constants that the high bits of an argument select.

    Attributes
    ----------
    values : tuple of int
        The constant of each address. Equal neighbours are one segment: segments need not be of one size.
    granule_bits : int
        Low bits of the argument that the address leaves out.
    """

    values: tuple[int, ...]
    granule_bits: int

    @property
    def signed(self) -> bool:
        """Whether some constant is negative."""
        return min(self.values) < 0

    @cached_property
    def width(self) -> int:
        """Bits of one constant, two's complement if `signed`."""
        return max(bits_of(min(self.values), self.signed), bits_of(max(self.values), self.signed))

    @property
    def address_bits(self) -> int:
        """Bits of an address."""
        return (len(self.values) - 1).bit_length()

    @property
    def segments(self) -> int:
        """Runs of equal constants."""
        return 1 + sum(a != b for a, b in pairwise(self.values))

    @property
    def bits(self) -> int:
        """Bits that the table stores."""
        return len(self.values) * self.width

    @cached_property
    def luts(self) -> int:
        """Estimated LUT4: the different 16-entry pieces of each column, which wide multiplexers join."""
        return table_luts(self.values, self.width)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """An integer function of an unsigned argument ``u``, with ``d = u mod 2**offset_bits``.

    Every table is addressed by high bits of ``u``; ``c0`` holds the rounding constant.

    ====== =================================================
    degree result
    ====== =================================================
    0      ``c0``
    1      ``(c0 + (c1*d >> drop)) >> shift``
    2      ``(c0 + ((c1 + (c2*d >> inner_drop))*d >> drop)) >> shift``
    ====== =================================================

    All segments use the same ``d``: one shorter than ``2**offset_bits`` has its start folded into ``c0``
    and needs no mask. The sum is taken modulo ``2**(out_bits + shift)``, so nothing wider is stored.

    Attributes
    ----------
    arg_bits : int
        Width of ``u``.
    size : int
        Arguments ``0..size-1`` are specified; others give some value.
    c0, c1, c2 : Table or None
        Coefficients. With ``product`` given, ``c1`` stays for the record.
    product : Table or None
        Values of ``c1*d >> drop``, addressed by ``u``'s bits above `Table.granule_bits` and, below them, ``d``:
        a table in the multiplier's place.
    offset_bits, drop, inner_drop, shift : int
        As above.
    out_bits : int
        Width of the result.
    signed : bool
        Whether the result is two's complement.
    """

    arg_bits: int
    size: int
    c0: Table
    out_bits: int
    signed: bool = False
    c1: Table | None = None
    c2: Table | None = None
    product: Table | None = None
    offset_bits: int = 0
    drop: int = 0
    inner_drop: int = 0
    shift: int = 0

    @property
    def degree(self) -> int:
        """Degree of the polynomials."""
        return 2 if self.c2 else 1 if self.c1 else 0

    @property
    def multipliers(self) -> int:
        """Multipliers in the hardware."""
        return 0 if self.product else self.degree

    @property
    def latency(self) -> int:
        """Registers from argument to result: one after the tables, each product and each sum."""
        if self.product:
            return 2
        return 1 + 2 * self.degree

    @property
    def sum_bits(self) -> int:
        """Width of the last sum."""
        return self.out_bits + self.shift

    @property
    def tables(self) -> tuple[Table, ...]:
        """Tables that the hardware holds."""
        found = (self.c0, self.product) if self.product else (self.c0, self.c1, self.c2)
        return tuple(table for table in found if table is not None)

    @property
    def table_bits(self) -> int:
        """Bits in all tables."""
        return sum(table.bits for table in self.tables)

    @property
    def segments(self) -> int:
        """Different polynomials in a row: where any coefficient changes, a segment starts."""
        tables = [table for table in (self.c0, self.c1, self.c2) if table is not None]
        finest = min(table.granule_bits for table in tables)
        count = -(-self.size >> finest)
        rows = [tuple(t.values[at >> (t.granule_bits - finest)] for t in tables) for at in range(count)]
        return 1 + sum(a != b for a, b in pairwise(rows))

    def cost(self, multiplier_luts: int) -> int:
        """Estimate LUT4: tables, adders, and a price per multiplier."""
        adders = self.sum_bits if self.degree else 0
        if self.c2 and self.c1:
            adders += self.c1.width + 1
        return sum(table.luts for table in self.tables) + adders + multiplier_luts * self.multipliers


def bits_of(value: int, signed: bool) -> int:
    """Bits that a value needs, at least 1."""
    return max(1, (value if value >= 0 else ~value).bit_length() + signed)


def table_luts(values: Sequence[int], width: int) -> int:
    """Count the different non-constant 16-entry pieces of all columns."""
    words = np.array(values, np.int64)
    rest = -len(words) % 16
    words = np.concatenate([words, np.full(rest, words[-1])]).reshape(-1, 16)
    total = 0
    for bit in range(width):
        pieces = np.unique((words >> bit & 1) @ (1 << np.arange(16)))
        total += len(pieces) - int(pieces[0] == 0) - int(pieces[-1] == 0xFFFF)
    return total
