# SPDX-License-Identifier: BSD-2-Clause
"""Edge-MoE's GELU as published: 177 entries at 22 fraction bits, step 1/32 up to 5.5, linear interpolation."""

from functools import cache

from gatewright.hw.nonlinear.activation.functions import delta

FRACTION_BITS = 22
STEP_BITS = 17  # of the fraction: one entry each 1/32
ENTRIES = 177
CUT = (ENTRIES - 1) << STEP_BITS  # 5.5; from there on the function is relu
TABLE_BITS = ENTRIES * 22


@cache
def table() -> tuple[int, ...]:
    """Entries: relu(x) - gelu(x) at multiples of 1/32, erf form, to the nearest code."""
    return tuple(round(delta("gelu", at / 32) * 2**FRACTION_BITS) for at in range(ENTRIES))
