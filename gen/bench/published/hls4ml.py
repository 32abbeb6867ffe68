# SPDX-License-Identifier: BSD-2-Clause
"""The default softmax of hls4ml: two tables of 1,024 entries, addressed by the top bits of their argument.

From its public source: scores ap_fixed<16,6>; the distance to the maximum in the same format; exp from
a table of ap_fixed<18,8> addressed by the top ten bits, which are steps of 1/16; the sum in the table's
format, saturating; its reciprocal from a table that the top ten bits of the sum address, in steps of
1/4, each entry belonging to the lower edge; the product cut to ap_fixed<16,6>.

Assumed: table entries round to nearest and saturate. `softmax` gives codes of ``2**-10``.
"""

import numpy as np

from gatewright.hw.core.numerics import Ints

FRACTION = 10  # bits, of scores, tables and result


def softmax(q: Ints) -> Ints:
    """Evaluate softmax over the last axis of codes with 10 fraction bits."""
    distance = np.maximum(q - q.max(axis=-1, keepdims=True), -(1 << 15))
    power = _quantised(np.exp((distance >> 6) / 16))
    total = np.minimum(power.sum(axis=-1, keepdims=True), (1 << 17) - 1)
    with np.errstate(divide="ignore"):
        inverse = _quantised(np.float64(1) / ((total >> 8) / 4))
    return power * inverse >> FRACTION


def _quantised(value: np.ndarray) -> Ints:
    return np.minimum(np.floor(value * (1 << FRACTION) + 0.5), (1 << 17) - 1).astype(np.int64)
