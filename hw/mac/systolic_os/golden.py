# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the output-stationary array: one matrix product per packet."""

import numpy as np

from gatewright.hw.core.ports import Beats, packets
from gatewright.hw.mac.systolic_os.config import SystolicOsConfig


def golden(config: SystolicOsConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Give the rows of every packet's product ``a @ b``."""
    beats = inputs["i"]
    spans = packets(beats)
    tiles = [beats["a"][span, :, 0].T @ beats["b"][span, 0, :] for span in spans]
    last = np.tile(np.arange(config.rows) == config.rows - 1, len(tiles)).astype(np.int64)
    return {"o": {"sum": np.concatenate(tiles or [np.zeros((0, config.cols), np.int64)]), "last": last}}
