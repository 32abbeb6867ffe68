# SPDX-License-Identifier: BSD-2-Clause
"""Which elements of a row count, for the golden model and the timing."""

import numpy as np

from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats, packets


def kept(mask: str, beats: Beats) -> Ints:
    """Tell element by element, as 0 or 1, for whole rows."""
    shape = beats["score"].shape
    if mask == "keep":
        return beats["keep"]
    keep = np.ones(shape, np.int64)
    if mask == "limit":
        for row in packets(beats):
            place = np.arange(keep[row].size).reshape(keep[row].shape)
            keep[row] = place < beats["limit"][row][:, np.newaxis]
    return keep
