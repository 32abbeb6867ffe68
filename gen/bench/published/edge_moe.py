# SPDX-License-Identifier: BSD-2-Clause
"""GELU of Edge-MoE: relu(x) minus an even correction from a table with linear interpolation.

From the publication (arXiv 2305.18691) and its code: 177 entries of 22 bits over 0..5.5 in steps of
1/32, rounded to nearest from the erf form; numbers of 22 fraction bits; one truncation, after the
product of the fraction and the difference of two entries. From 5.5 on the result is relu(x).
"""

import math
from functools import cache

import numpy as np

from gatewright.hw.core.numerics import Ints

FRACTION = 22  # bits, of input, output and table
ENTRIES = 177
STEP_SHIFT = 17  # a step of 1/32 in input codes, as a power of two
TABLE_BITS = ENTRIES * FRACTION


@cache
def _table() -> tuple[int, ...]:
    points = [index / 32 for index in range(ENTRIES)]
    corrections = [x - x * (1 + math.erf(x / math.sqrt(2))) / 2 for x in points]
    return tuple(math.floor(value * (1 << FRACTION) + 0.5) for value in corrections)


def gelu(x: Ints) -> Ints:
    """Give GELU of signed codes with 22 fraction bits, in the same format."""
    table = np.array(_table(), np.int64)
    size = np.abs(x)
    inside = size < (ENTRIES - 1) << STEP_SHIFT
    index = np.where(inside, size >> STEP_SHIFT, 0)
    rest = (size & ((1 << STEP_SHIFT) - 1)) << (FRACTION - STEP_SHIFT)
    slope = table[index + 1] - table[index]
    correction = table[index] + (rest * slope >> FRACTION)
    return np.maximum(x, 0) - np.where(inside, correction, 0)
