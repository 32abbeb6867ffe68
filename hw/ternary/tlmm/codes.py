# SPDX-License-Identifier: BSD-2-Clause
"""Codes of a group's weights, as the engines read them.

========== ====================================================================== ================
method     code of the trits t0, t1, ...                                          undefined codes
========== ====================================================================== ================
select,    2 bits a trit, t0 lowest, two's complement: sign above nonzero         none: 10 is 0
fold
half       magnitude of t0 * 3**(g-1) + ... + t(g-1), its sign bit above (TL2)    read as zeros
full       the same number plus (3**g - 1) / 2, never negative                    read as zeros
bitplane   two planes of g bits. A plane gives t0 the value 1 and t(j) the value  none
           1 or -1 as its bit j - 1 says, all negated if its top bit is set. A
           weight is half the sum of its values in both planes.
========== ====================================================================== ================
"""

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.numerics import Ints
from gatewright.hw.ternary.tlmm.config import TlmmConfig


def decode(config: TlmmConfig, codes: Ints) -> Ints:
    """Give the trits of codes: one more axis, of length ``group``."""
    group = config.group
    match config.method:
        case "half":
            magnitude = codes & ((1 << config.address_bits) - 1)
            return _digits(np.where(codes >> config.address_bits, -magnitude, magnitude), group)
        case "full":
            return _digits(codes - 3**group // 2, group)
        case "bitplane":
            return (_plane(codes, group) + _plane(codes >> group, group)) // 2
    pairs = codes[..., np.newaxis] >> 2 * np.arange(group)
    return (pairs & 1) * (1 - (pairs & 2))


def _digits(values: Ints, group: int) -> Ints:
    """Give balanced base-3 digits, the most significant first; zeros for numbers that don't fit."""
    offset = 3**group // 2
    fits = np.abs(values) <= offset
    number = np.where(fits, values, 0) + offset
    return number[..., np.newaxis] // 3 ** np.arange(group - 1, -1, -1) % 3 - 1


def _plane(codes: Ints, group: int) -> Ints:
    bits = codes[..., np.newaxis] >> np.arange(group) & 1
    values = np.concatenate([np.ones_like(bits[..., :1]), 2 * bits[..., :-1] - 1], axis=-1)
    return values * (1 - 2 * bits[..., -1:])


def encode(config: TlmmConfig, trits: Ints) -> Ints:
    """Give the codes of trits whose last axis is a group; the inverse of `decode`."""
    group = config.group
    match config.method:
        case "half" | "full":
            value = trits @ 3 ** np.arange(group - 1, -1, -1)
            if config.method == "full":
                return value + 3**group // 2
            return np.abs(value) | (value < 0).astype(np.int64) << config.address_bits
        case "bitplane":
            # A zero is plus in one plane and minus in the other.
            return _mirrored(trits >= 0) | _mirrored(trits > 0) << group
    pairs = trits & 3
    return (pairs << 2 * np.arange(group)).sum(axis=-1)


def _mirrored(positive: NDArray[np.bool_]) -> Ints:
    negate = ~positive[..., :1]
    bits = np.concatenate([positive[..., 1:] ^ negate, negate], axis=-1)
    return (bits.astype(np.int64) << np.arange(bits.shape[-1])).sum(axis=-1)
