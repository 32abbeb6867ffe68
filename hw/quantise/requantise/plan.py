# SPDX-License-Identifier: BSD-2-Clause
"""Plan of a wide product: which partial products, and which of them share a row of the sum."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Piece:
    """Bits ``low..low+bits-1`` of a factor."""

    low: int
    bits: int
    signed: bool


@dataclass(frozen=True)
class Partial:
    """Product of two pieces; its weight is ``2**low``."""

    left: Piece
    right: Piece

    @property
    def low(self) -> int:
        """Position of its bit 0."""
        return self.left.low + self.right.low

    @property
    def high(self) -> int:
        """One past its top bit."""
        return self.low + self.left.bits + self.right.bits

    @property
    def signed(self) -> bool:
        """Whether its top bit is a sign."""
        return self.left.signed or self.right.signed


def pieces(bits: int, signed: bool, limb_bits: int) -> list[Piece]:
    """Cut a factor into unsigned limbs below and a top piece, one bit wider if it carries the sign."""
    found = []
    low = 0
    while bits - low > limb_bits + signed:
        found.append(Piece(low, limb_bits, False))
        low += limb_bits
    return [*found, Piece(low, bits - low, signed)]


def rows(left: list[Piece], right: list[Piece]) -> list[list[Partial]]:
    """Put partial products side by side where they do not overlap: each row is a number without an adder.

    A signed product extends its sign above itself, so it closes its row.
    """
    partials = sorted((Partial(a, b) for a in left for b in right), key=lambda p: (p.low, p.signed))
    found: list[list[Partial]] = []
    for partial in partials:
        fitting = [row for row in found if row[-1].high <= partial.low and not row[-1].signed]
        if fitting:
            fitting[0].append(partial)
        else:
            found.append([partial])
    return found
