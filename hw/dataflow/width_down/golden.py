# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the spreading width converter."""

import numpy as np

from gatewright.hw.core.ports import Beats
from gatewright.hw.dataflow.width_down.config import WidthDownConfig


def golden(config: WidthDownConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """List the valid elements of every word; ``last`` moves to the final one."""
    beats = inputs["i"]
    count = np.clip(beats["count"], 1, config.factor)
    index = np.arange(config.factor)
    valid = index < count[:, np.newaxis]
    final = index == count[:, np.newaxis] - 1
    return {
        "o": {
            "data": beats["data"][valid],
            "last": (final & (beats["last"][:, np.newaxis] != 0))[valid].astype(np.int64),
        }
    }
