# SPDX-License-Identifier: BSD-2-Clause
"""The four ways to build a function, as data that golden model and hardware both read."""

from dataclasses import dataclass

import numpy as np

from gatewright.hw.core.numerics import Ints
from gatewright.hw.elementary.plan import Plan

EXHAUSTIVE = 20  # widest input of which every code is evaluated
DSP_BITS = 18  # widest factor of one hard multiplier

Cells = tuple[Ints, Ints]


@dataclass(frozen=True, kw_only=True)
class Design:
    """How one function is built.

    Attributes
    ----------
    in_bits, out_bits : int
        Widths of a code.
    """

    in_bits: int
    out_bits: int

    @property
    def plans(self) -> tuple[Plan, ...]:
        """Kernels inside."""
        raise NotImplementedError

    @property
    def latency(self) -> int:
        """Registers from input to output."""
        raise NotImplementedError

    @property
    def extra_luts(self) -> int:
        """Estimated LUTs beside the kernels."""
        raise NotImplementedError

    @property
    def multipliers(self) -> int:
        """Hard multipliers of 18 x 18 bits."""
        return sum(plan.multipliers for plan in self.plans)

    @property
    def table_bits(self) -> int:
        """Bits in all tables."""
        return sum(plan.table_bits for plan in self.plans)

    def cost(self, multiplier_luts: int) -> int:
        """Estimate LUTs; a multiplier has a price."""
        kernels = sum(plan.cost(0) for plan in self.plans)
        return kernels + self.extra_luts + multiplier_luts * self.multipliers

    def cells(self) -> Cells | None:
        """Give first and last input code of every cell that gets one result; None: each input is its own."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Direct(Design):
    """One kernel over the whole input word, taken as an unsigned code."""

    kernel: Plan

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The kernel."""
        return (self.kernel,)

    @property
    def latency(self) -> int:
        """The kernel's."""
        return self.kernel.latency

    @property
    def extra_luts(self) -> int:
        """None."""
        return 0

    def cells(self) -> Cells | None:
        """Every input."""
        return None


@dataclass(frozen=True, kw_only=True)
class Split(Design):
    """exp(-v) as a product: ``coarse(v's high bits) * fine(v's low bits) >> drop``.

    ``v`` is the distance from the largest input. Inverted bits give it, which costs nothing in front of a
    table; the exponential of the largest input is a constant factor. ``coarse`` carries the rounding
    constant, which ``fine`` (nearly 1) hardly changes.

    Attributes
    ----------
    coarse, fine : Plan
        Both without multiplier.
    dropped : int
        Lowest bits of ``v`` that are left out.
    drop : int
        Lowest bits of the product that are left out.
    flip : int
        Bits of the code to invert, which gives ``v``: the distance from the largest input.
    overflow : bool
        Whether results above the largest code occur, which saturate.
    """

    coarse: Plan
    fine: Plan
    dropped: int
    drop: int
    flip: int
    overflow: bool

    @property
    def plans(self) -> tuple[Plan, ...]:
        """Both tables."""
        return (self.coarse, self.fine)

    @property
    def latency(self) -> int:
        """Tables, product, and saturation if there is any."""
        return max(plan.latency for plan in self.plans) + 1 + self.overflow

    @property
    def extra_luts(self) -> int:
        """Saturation."""
        return self.out_bits if self.overflow else 0

    @property
    def multipliers(self) -> int:
        """Those that the product of both widths takes."""
        return -(-self.coarse.out_bits // DSP_BITS) * -(-self.fine.out_bits // DSP_BITS)

    def cells(self) -> Cells | None:
        """Inputs that differ in dropped bits only."""
        return runs(self.in_bits, self.dropped) if self.in_bits > EXHAUSTIVE else None


@dataclass(frozen=True, kw_only=True)
class Normal(Design):
    """A kernel over the normalised mantissa; the exponent shifts the result, or is the result's integer part.

    Attributes
    ----------
    kernel : Plan
        Takes the mantissa without its leading one, or all of it if ``pairs``.
    dropped : int
        Lowest mantissa bits that are left out.
    pairs : bool
        Leading zeros are counted two by two.
    top : int
        Leading zeros (or pairs) that need no right shift; more saturate. For ``whole``: the result's
        integer part without leading zeros.
    whole : bool
        log2: the exponent becomes the integer part.
    fraction : int
        For ``whole``: the result's fraction bits.
    guard : int
        Bits that the kernel has below the result's last place.
    rounding : bool
        Whether the shifted result is rounded to nearest rather than cut.
    overflow : bool
        Whether the kernel's results exceed the largest code at ``top``.
    """

    kernel: Plan
    dropped: int
    pairs: bool
    top: int
    whole: bool = False
    fraction: int = 0
    guard: int = 0
    rounding: bool = False
    overflow: bool = False

    @property
    def count_bits(self) -> int:
        """Bits of the count of leading zeros, or pairs."""
        return (self.in_bits - 1).bit_length() - self.pairs

    @property
    def most(self) -> int:
        """Largest count of a nonzero input."""
        return (self.in_bits - 1) >> self.pairs

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The kernel."""
        return (self.kernel,)

    @property
    def latency(self) -> int:
        """Two for the normaliser, the kernel, and one (log2) or two for the exponent."""
        return 2 + self.kernel.latency + (1 if self.whole else 2)

    @property
    def extra_luts(self) -> int:
        """Two shifters, rounding."""
        back = self.out_bits if self.whole else self.count_bits * (self.out_bits + 1)
        return self.count_bits * (self.in_bits + 2) * 3 // 4 + back * 3 // 4 + self.out_bits * self.rounding

    def cells(self) -> Cells | None:
        """Inputs of one leading-zero count that differ in dropped mantissa bits only."""
        return mantissa_runs(self.in_bits, self.dropped, self.pairs) if self.in_bits > EXHAUSTIVE else None


@dataclass(frozen=True, kw_only=True)
class Fold(Design):
    """A kernel over the magnitude; a negative input gives ``mirror - kernel``.

    Attributes
    ----------
    kernel : Plan
        For the magnitude, or what takes its place.
    exact : bool
        Whether a negative input is negated; if not, it is inverted, one below its magnitude.
    dropped : int
        Lowest bits of the magnitude that are left out.
    mirror : int
        Twice the value at 0.
    overflow : bool
        Whether the kernel exceeds the largest code, which saturates.
    """

    kernel: Plan
    exact: bool
    dropped: int
    mirror: int
    overflow: bool

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The kernel."""
        return (self.kernel,)

    @property
    def latency(self) -> int:
        """One for an exact magnitude, the kernel, one for the mirror."""
        return self.exact + self.kernel.latency + 1

    @property
    def extra_luts(self) -> int:
        """Magnitude and mirror."""
        return self.out_bits + (self.in_bits if self.exact else 0)

    def cells(self) -> Cells | None:
        """Inputs that differ in dropped bits only; zero and the lowest code are cells of their own if negated."""
        if self.in_bits <= EXHAUSTIVE:
            return None
        first, last = runs(self.in_bits, self.dropped)
        if not self.exact:
            return first, last
        # Negation moves the cells of negative inputs up by one.
        half = 1 << (self.in_bits - 1)
        below = first >= half
        return np.concatenate([[half], first[~below], first[below] + 1]), np.concatenate(
            [[half], last[~below], np.minimum(last[below] + 1, 2 * half - 1)]
        )


def runs(bits: int, dropped: int) -> Cells:
    """Cut all codes into runs of ``2**dropped``."""
    first = np.arange(1 << (bits - dropped), dtype=np.int64) << dropped
    return first, first + (1 << dropped) - 1


def mantissa_runs(bits: int, dropped: int, pairs: bool) -> Cells:
    """Cut all codes into runs whose normalised mantissas differ in their ``dropped`` lowest bits only."""
    firsts, lasts = [np.zeros(1, np.int64)], [np.zeros(1, np.int64)]
    step = 1 + pairs
    for zeros in range(0, bits, step):
        free = max(dropped - zeros, 0)
        # Codes with this many leading zeros, or zero pairs.
        low = (1 << (bits - zeros)) >> step
        codes = np.arange(low >> free, (1 << (bits - zeros)) >> free, dtype=np.int64)
        codes = codes[codes > 0]
        firsts.append(codes << free)
        lasts.append((codes << free) + (1 << free) - 1)
    return np.concatenate(firsts), np.concatenate(lasts)

