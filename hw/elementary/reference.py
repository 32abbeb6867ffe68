# SPDX-License-Identifier: BSD-2-Clause
"""The golden side of a plan: integer numpy."""

import numpy as np

from gatewright.hw.core.numerics import Ints, wrap
from gatewright.hw.elementary.plan import Plan, Table


def evaluate(plan: Plan, u: Ints) -> Ints:
    """Give the plan's result for every argument; arguments must lie in ``0..2**arg_bits - 1``."""
    u = np.asarray(u, np.int64)
    d = u & ((1 << plan.offset_bits) - 1)
    total = _read(plan.c0, u)
    if plan.product is not None:
        low = plan.product.granule_bits
        total = total + _pick(plan.product.values, (u >> low << plan.offset_bits) | d)
    elif plan.c1 is not None:
        slope = _read(plan.c1, u)
        if plan.c2 is not None:
            slope = slope + (_read(plan.c2, u) * d >> plan.inner_drop)
        total = total + (slope * d >> plan.drop)
    return wrap(wrap(total, plan.sum_bits, plan.signed) >> plan.shift, plan.out_bits, plan.signed)


def _read(table: Table, u: Ints) -> Ints:
    return _pick(table.values, u >> table.granule_bits)


def _pick(values: tuple[int, ...], address: Ints) -> Ints:
    # Addresses behind the end give the last entry, as the hardware's default case does.
    entries = np.array(values, np.int64)
    return entries[np.minimum(address, len(entries) - 1)]
