# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the greatest element: numpy's own, packet by packet."""

import numpy as np

from gatewright.hw.core.ports import Beats, packets
from gatewright.hw.nonlinear.argmax.config import ArgmaxConfig


def golden(config: ArgmaxConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Give each packet's first greatest element."""
    beats = inputs["i"]
    rows = [beats["x"][packet].ravel() for packet in packets(beats)]
    index = np.array([np.argmax(row) for row in rows], np.int64)
    value = np.array([row[at] for row, at in zip(rows, index.tolist(), strict=True)], np.int64)
    return {"o": {"index": index, "value": value}}
