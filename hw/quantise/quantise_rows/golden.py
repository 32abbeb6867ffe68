# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the row quantiser: whole rows, exact integers."""

import numpy as np

from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats, packets
from gatewright.hw.quantise.quantise_rows.config import QuantiseRowsConfig


def golden(config: QuantiseRowsConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Quantise every complete row of ``i``."""
    beats = inputs["i"]
    rows = packets(beats)
    whole = rows[-1].stop if rows else 0
    x, last = np.asarray(beats["x"][:whole], np.int64), beats["last"][:whole].copy()
    scale = np.zeros(whole, np.int64)
    for row in rows:
        scale[row] = np.abs(x[row]).max()
    return {"o": {"q": quantise(x, scale[:, np.newaxis], config.levels), "scale": scale, "last": last}}


def quantise(x: Ints, scale: Ints, levels: int) -> Ints:
    """Round ``x * levels / scale`` to the nearest integer, ties to even; 0 where the scale is 0.

    Parameters
    ----------
    x, scale : array of int64
        Broadcast against each other; ``abs(x) <= scale``. With 40 and 16 bits the products stay below 2**56.
    levels : int
        Code of ``scale`` itself.
    """
    divisor = np.maximum(scale, 1)
    floor, rest = np.divmod(np.abs(x) * levels, divisor)
    up = (2 * rest > divisor) | ((2 * rest == divisor) & (floor % 2 == 1))
    return np.sign(x) * (floor + up)
