# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of rotary positions."""

from functools import cache, cached_property
from typing import ClassVar

import numpy as np

from gatewright.hw.core.config import RoomConfig, integer, real
from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import PayloadField, StreamPort

TABLE_FRACTION = 14  # of cosines and sines


class RopeConfig(RoomConfig):
    """Turn pair ``i`` of a head by ``position * base**(-2 * i / head_dim)``.

    Neighbours are a pair. With ``(a, b)`` the elements ``2 * i`` and ``2 * i + 1`` of a head, ``(c, s)`` cosine and
    sine in units of ``2**-14`` and ``r = 14 + shift``, the results are ``sat((a*c - b*s + half) >> r)`` and
    ``sat((a*s + b*c + half) >> r)``, with ``half = 2**(r-1)``.
    """

    room: ClassVar[str] = "rope"

    lanes: int = integer(4, 2, 16, doc="Elements per beat: a power of two that divides head_dim. Half as many pairs.")
    head_dim: int = integer(32, 2, 256, doc="Elements of a head.")
    context: int = integer(128, 2, 65536, doc="Positions; the table has an entry for each.")
    base: float = real(10000.0, 1.0, 1e9, doc="Pair i turns by base**(-2 * i / head_dim) a position.")
    in_bits: int = integer(16, 2, 18, unit="bits", doc="Width of an element, two's complement.")
    out_bits: int = integer(8, 2, 18, unit="bits", doc="Width of a result, two's complement.")
    shift: int = integer(0, 0, 8, unit="bits", doc="How many input steps make an output step, as a power of two.")

    def check(self) -> None:
        """Check that beats hold whole pairs and heads whole beats."""
        self.require(self.lanes & (self.lanes - 1) == 0, f"lanes must be a power of two, not {self.lanes}")
        self.require(
            self.head_dim % self.lanes == 0, f"head_dim must be a multiple of lanes = {self.lanes}, not {self.head_dim}"
        )
        self.require(self.shift <= self.in_bits, f"shift must be at most in_bits = {self.in_bits}, not {self.shift}")

    @property
    def parts(self) -> int:
        """Beats of a head, and words of the table for a position."""
        return self.head_dim // self.lanes

    @property
    def right_shift(self) -> int:
        """Bits that the sum of two products loses."""
        return TABLE_FRACTION + self.shift

    @property
    def table(self) -> tuple[Ints, Ints]:
        """Cosines and sines ``(context, head_dim / 2)`` in units of ``2**-14``."""
        return _table(self.context, self.head_dim, self.base)

    @property
    def table_bits(self) -> int:
        """Bits of the table: cosine and sine, each of 16, for a pair."""
        return self.context * self.head_dim // 2 * 2 * (TABLE_FRACTION + 2)

    @property
    def sum_bits(self) -> int:
        """Width of products and of their sums: no part of a pair gets longer than the root of 2 times the longest."""
        return self.in_bits + TABLE_FRACTION + 1

    @cached_property
    def reach(self) -> tuple[int, int]:
        """Least and greatest rounded sum, before saturation; of ``a*c - b*s`` and ``a*s + b*c`` together."""
        cos, sin = self.table
        least = -(1 << (self.in_bits - 1))
        ends = (least, -least - 1)
        sums = [a * cos + sign * b * sin for a in ends for b in ends for sign in (-1, 1)]
        half = 1 << (self.right_shift - 1)
        return int(np.min(sums) + half) >> self.right_shift, int(np.max(sums) + half) >> self.right_shift

    @property
    def error_lsb(self) -> float:
        """Largest error against real cosines and sines, in output steps, where nothing saturates.

        Half a step, and half a unit of the table for each of the two longest elements.
        """
        return 0.5 + 2.0 ** (self.in_bits - 1 - self.right_shift)

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Heads of a token."""
        fields = (
            PayloadField("x", self.in_bits, True, (self.lanes,)),
            PayloadField("position", (self.context - 1).bit_length()),
            PayloadField("last", 1),
        )
        return (StreamPort("i", fields, "Whole heads, all of one position; neighbours are a pair."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """The same heads, turned."""
        fields = (PayloadField("y", self.out_bits, True, (self.lanes,)), PayloadField("last", 1))
        return (StreamPort("o", fields, "The same heads, turned."),)

    @property
    def latency(self) -> int:
        """Registers: the table's own, operands, products, sums, results."""
        return 5


@cache
def _table(context: int, head_dim: int, base: float) -> tuple[Ints, Ints]:
    turns = base ** (-np.arange(0, head_dim, 2) / head_dim)
    angle = np.arange(context)[:, np.newaxis] * turns
    cos, sin = (np.rint(part * (1 << TABLE_FRACTION)).astype(np.int64) for part in (np.cos(angle), np.sin(angle)))
    for part in (cos, sin):
        part.flags.writeable = False  # shared by all who ask
    return cos, sin
