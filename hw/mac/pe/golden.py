# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the processing element: one dot product per packet."""

import numpy as np

from gatewright.hw.core.ports import Beats, packets
from gatewright.hw.mac.pe.config import PeConfig


def golden(config: PeConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Give the dot product of every packet."""
    beats = inputs["i"]
    sums = [int(np.dot(beats["a"][span], beats["b"][span])) for span in packets(beats)]
    return {"o": {"sum": np.array(sums, np.int64)}}
