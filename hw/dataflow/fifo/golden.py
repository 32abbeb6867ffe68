# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the queue."""

from gatewright.hw.core.ports import Beats
from gatewright.hw.dataflow.fifo.config import FifoConfig


def golden(config: FifoConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Give every beat back, in order."""
    return {"o": {name: column.copy() for name, column in inputs["i"].items()}}
