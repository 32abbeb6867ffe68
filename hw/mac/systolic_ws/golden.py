# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the weight-stationary array: one matrix product per packet."""

import numpy as np

from gatewright.hw.core.ports import Beats, packets
from gatewright.hw.mac.systolic_ws.config import SystolicWsConfig


def golden(config: SystolicWsConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Give ``a @ w`` for every packet, with the weight tile of the same number."""
    beats, weights = inputs["i"], inputs["i_weight"]["w"]
    sums = np.zeros((len(beats["last"]), config.cols), np.int64)
    for tile, span in enumerate(packets(beats)):
        sums[span] = beats["a"][span] @ weights[tile * config.rows : (tile + 1) * config.rows]
    return {"o": {"sum": sums, "last": beats["last"]}}
