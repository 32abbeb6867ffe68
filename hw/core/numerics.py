# SPDX-License-Identifier: BSD-2-Clause
"""Rounding and overflow on the golden side: integer numpy, no floats.

The hardware writes the same rules with adders and muxes in `gatewright.hw.core.rounding`;
neither side imports the other.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Rounding = Literal["half_even", "half_up", "half_away", "truncate"]
Overflow = Literal["saturate", "wrap"]
Ints = NDArray[np.int64]


def shift_right(value: Ints, shift: Ints | int, rounding: Rounding) -> Ints:
    """Divide by ``2**shift`` and round to an integer.

    ``half_even`` sends ties to the even neighbour, ``half_up`` towards plus infinity,
    ``half_away`` away from zero; ``truncate`` rounds towards minus infinity.
    """
    value, shift = np.broadcast_arrays(np.asarray(value), np.asarray(shift))
    floor = value >> shift
    rest = value - (floor << shift)
    twice, unit = rest * 2, np.where(shift > 0, np.ones_like(value) << shift, 1)
    above, tie = twice > unit, (twice == unit) & (shift > 0)
    match rounding:
        case "truncate":
            return floor
        case "half_up":
            step = above | tie
        case "half_even":
            step = above | (tie & (floor % 2 != 0))
        case "half_away":
            step = above | (tie & (value >= 0))
    return floor + step.astype(value.dtype)


def saturate(value: Ints, bits: int, signed: bool) -> Ints:
    """Clamp to the range of a ``bits``-wide integer."""
    low = -(1 << (bits - 1)) if signed else 0
    high = (1 << (bits - 1)) - 1 if signed else (1 << bits) - 1
    return np.clip(value, low, high)


def wrap(value: Ints, bits: int, signed: bool) -> Ints:
    """Keep the low ``bits`` bits and reinterpret them."""
    low = np.asarray(value) & ((1 << bits) - 1)
    if not signed:
        return low
    return np.where(low >> (bits - 1), low - (1 << bits), low)
