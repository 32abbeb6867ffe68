# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the fork."""

from gatewright.hw.core.ports import Beats
from gatewright.hw.dataflow.fork.config import ForkConfig


def golden(config: ForkConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Give every beat to every output, in order."""
    return {f"o_{k}": {name: column.copy() for name, column in inputs["i"].items()} for k in range(config.output_count)}
