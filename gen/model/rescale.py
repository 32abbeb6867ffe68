# SPDX-License-Identifier: BSD-2-Clause
"""Turn a real scale into the multiplier and shift of a rescale, exactly."""

from fractions import Fraction

import numpy as np

from gatewright.gen.model.graph import MULTIPLIER_BITS, SHIFT_MAX, Ints

TOP = 1 << MULTIPLIER_BITS


def fixed_point(ratio: Fraction, shift_max: int = SHIFT_MAX) -> tuple[int, int]:
    """Find the 16-bit multiplier and the shift with ``multiplier / 2**shift`` nearest to ``ratio``.

    The multiplier has its top bit set, so the relative error is at most ``2**-16``: half a step of
    ``2**15``, and less than 1/256 LSB on any result that an 8-bit code can hold. Ratios under
    ``2**-32`` become ``2**15 / 2**47``: a 32-bit accumulator rounds to 0 with either.

    Parameters
    ----------
    ratio : Fraction
        Positive, below ``2**16``.
    shift_max : int
        The greatest shift.

    Returns
    -------
    multiplier : int
        In ``2**15..2**16 - 1``.
    shift : int
        In ``0..shift_max``.

    Raises
    ------
    ValueError
        The ratio is out of range.
    """
    if ratio <= 0:
        raise ValueError(f"ratio must be positive, not {float(ratio):g}")
    shift = MULTIPLIER_BITS - 1 - _floor_log2(ratio)
    multiplier = round(ratio * Fraction(2) ** shift)  # Fraction rounds half to even
    if multiplier == TOP:
        multiplier, shift = TOP // 2, shift - 1
    if shift < 0:
        raise ValueError(f"ratio must be below {TOP}, not {float(ratio):g}")
    if shift > shift_max:
        return TOP // 2, shift_max
    return multiplier, shift


def fixed_points(ratios: list[Fraction]) -> tuple[Ints, Ints]:
    """Apply `fixed_point` to each channel; return multipliers and shifts."""
    pairs = [fixed_point(ratio) for ratio in ratios]
    return np.array([m for m, _ in pairs], np.int64), np.array([s for _, s in pairs], np.int64)


def _floor_log2(ratio: Fraction) -> int:
    guess = ratio.numerator.bit_length() - ratio.denominator.bit_length()
    return guess if Fraction(2) ** guess <= ratio else guess - 1
