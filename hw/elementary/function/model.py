# SPDX-License-Identifier: BSD-2-Clause
"""The golden arithmetic of each design, on unsigned input codes; certificates are computed from it."""

import numpy as np

from gatewright.hw.core.numerics import Ints
from gatewright.hw.elementary import reference
from gatewright.hw.elementary.function.design import Design, Direct, Fold, Normal, Split


def evaluate(design: Design, codes: Ints) -> Ints:
    """Give the result code of every input code."""
    match design:
        case Direct():
            return reference.evaluate(design.kernel, codes)
        case Split():
            return _split(design, codes)
        case Normal():
            return _normal(design, codes)
        case Fold():
            return _fold(design, codes)
    raise TypeError(f"no model of {type(design).__name__}")


def _split(design: Split, codes: Ints) -> Ints:
    v = (codes ^ design.flip) >> design.dropped
    fine_bits = design.fine.arg_bits
    coarse = reference.evaluate(design.coarse, v >> fine_bits)
    fine = reference.evaluate(design.fine, v & ((1 << fine_bits) - 1))
    return np.minimum(coarse * fine >> design.drop, (1 << design.out_bits) - 1)


def _normal(design: Normal, codes: Ints) -> Ints:
    zeros = np.zeros_like(codes)
    for bit in range(design.in_bits):
        zeros += codes >> bit == 0
    count = np.minimum(zeros >> design.pairs, design.most)
    mantissa = codes << (count << design.pairs)
    if not design.pairs:
        mantissa = mantissa & ((1 << (design.in_bits - 1)) - 1)
    value = reference.evaluate(design.kernel, mantissa >> design.dropped)
    if design.whole:
        total = ((design.top - count) << design.fraction) + value
        return np.where(codes == 0, -(1 << (design.out_bits - 1)), total)
    highest = (1 << design.out_bits) - 1
    shift = np.maximum(design.top - count, 0) + design.guard
    half = np.where(shift > 0, 1 << np.maximum(shift - 1, 0), 0) if design.rounding else 0
    result = np.minimum(value + half >> shift, highest)
    return np.where((codes == 0) | (count > design.top), highest, result)


def _fold(design: Fold, codes: Ints) -> Ints:
    half = 1 << (design.in_bits - 1)
    negative = codes >= half
    opposite = 2 * half - codes if design.exact else 2 * half - 1 - codes
    magnitude = np.where(negative, opposite, codes) >> design.dropped
    value = reference.evaluate(design.kernel, magnitude)
    highest = (1 << (design.out_bits - (design.mirror == 0))) - 1
    return np.where(negative, design.mirror - value, np.minimum(value, highest))
