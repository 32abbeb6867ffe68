# SPDX-License-Identifier: BSD-2-Clause
"""Integer softmax of ITA: exponentials by shifts alone, statistics in one pass over tiles of 16 scores.

From the publication (arXiv 2307.03493) and its public model: int8 scores whose unit makes the
exponential a power of two, so that ``e**(x - max)`` is a right shift; the denominator is a sum of
``256 >> shift``; where a tile raises the maximum, the sum so far is shifted down; the reciprocal is
``floor(255 * 256 / sum)``; the probability is that, shifted right again. The unit of a score is
``ln 2 * 2**-drop``: the public model has drop 0, the publication's formula drop 5. A shift rounds
half up.

`softmax` gives unsigned codes of 2**-8. Masked scores do not occur here.
"""

import math

import numpy as np

from gatewright.hw.core.numerics import Ints

TILE = 16
LN2 = math.log(2)


def unit(drop: int = 0) -> float:
    """Real value of one step of the scores."""
    return LN2 / (1 << drop)


def softmax(q: Ints, drop: int = 0) -> Ints:
    """Evaluate softmax over the last axis of int8 codes."""
    top = np.full(q.shape[:-1], -128, np.int64)
    total = np.zeros(q.shape[:-1], np.int64)
    for first in range(0, q.shape[-1], TILE):
        tile = q[..., first : first + TILE]
        highest = np.maximum(top, tile.max(axis=-1))
        total = (total >> _shift(highest - top, drop)) + (256 >> _shift(highest[..., np.newaxis] - tile, drop)).sum(-1)
        top = highest
    inverse = 255 * 256 // total
    return inverse[..., np.newaxis] >> _shift(top[..., np.newaxis] - q, drop)


def _shift(distance: Ints, drop: int) -> Ints:
    """Divide by ``2**drop``, half up; shifts beyond all bits are as good as the longest of int64."""
    half = (1 << drop) >> 1
    return np.minimum((distance + half) >> drop, 62)
