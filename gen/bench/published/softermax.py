# SPDX-License-Identifier: BSD-2-Clause
"""Softermax: base 2, a running maximum rounded up to an integer, low-precision sums, linear pieces.

From the publication (arXiv 2103.09301): base 2 instead of e; the maximum of each slice of scores is
rounded up to an integer, so that a new maximum rescales the running sum by a shift; powers of two and
reciprocals by linear pieces, four for each; numbers of few bits.

Not checked against the publication: the formats Q(integer, fraction), scores Q(6,2), powers Q(1,15),
sums Q(10,6), reciprocal and result Q(1,7).

Assumed: pieces through the end points of each quarter, as public RTL has them; every result is truncated
to its format; the reciprocal is taken of the sum normalised to [1, 2), its format is that of the
mantissa, and its exponent joins the shift by the maximum; the result saturates; a slice is 16 scores.
Replacing the base needs a model trained for it: without training, scores must carry log2(e).
"""

import math

import numpy as np

from gatewright.hw.core.numerics import Ints

SLICE = 16
SCORE, POWER, SUM, RESULT = 2, 15, 6, 7  # fraction bits
UNIT = math.log(2) / (1 << SCORE)  # of a score in natural-logarithm units, log2(e) taken in


def softmax(q: Ints) -> Ints:
    """Evaluate softmax over the last axis of Q(6,2) codes; ``2**-7`` is one unit of the result."""
    start = -(1 << (7 - SCORE))
    top = np.full(q.shape[:-1], start, np.int64)
    total = np.zeros(q.shape[:-1], np.int64)
    powers, tops = [], []
    for first in range(0, q.shape[-1], SLICE):
        part = q[..., first : first + SLICE]
        local = -(-part.max(axis=-1) >> SCORE)
        power = power_of_two(part - (local[..., np.newaxis] << SCORE))
        fresh = power.sum(axis=-1) >> (POWER - SUM)
        highest = np.maximum(top, local)
        total = (total >> np.minimum(highest - top, 62)) + (fresh >> np.minimum(highest - local, 62))
        total, top = np.minimum(total, (1 << 16) - 1), highest
        powers.append(power)
        tops.append(np.broadcast_to(local[..., np.newaxis], part.shape))
    mantissa, exponent = reciprocal(total)
    shift = top[..., np.newaxis] - np.concatenate(tops, axis=-1) + exponent[..., np.newaxis] + POWER
    product = np.concatenate(powers, axis=-1) * mantissa[..., np.newaxis] >> np.minimum(shift, 62)
    return np.minimum(product, (1 << (RESULT + 1)) - 1)


def power_of_two(q: Ints) -> Ints:
    """Give ``2**x`` of codes of at most zero with 2 fraction bits, as Q(1,15).

    Two fraction bits only reach the ends of the four pieces.
    """
    quarters = np.array([int(2 ** (index / 4) * (1 << POWER)) for index in range(4)], np.int64)
    return quarters[q & 3] >> np.minimum(-(q >> SCORE), 62)


def reciprocal(total: Ints) -> tuple[Ints, Ints]:
    """Give the mantissa of ``1 / total`` as Q(1,7), and the exponent: ``mantissa * 2**-exponent``."""
    total = np.maximum(total, 1)
    length = np.floor(np.log2(total)).astype(np.int64)  # exact: totals have at most 16 bits
    normal = (total << 16) >> length  # 16 fraction bits, in [1, 2)
    piece = (normal >> 14) & 3
    ends = np.array([1 / (1 + index / 4) for index in range(5)])
    slope = np.floor((ends[:-1] - ends[1:]) * 4 * (1 << 16)).astype(np.int64)
    left = np.floor(ends[:-1] * (1 << 16)).astype(np.int64)
    value = left[piece] - (slope[piece] * (normal & ((1 << 14) - 1)) >> 16)
    return value >> (16 - RESULT), length - SUM
