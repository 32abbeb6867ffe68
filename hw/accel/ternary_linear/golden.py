# SPDX-License-Identifier: BSD-2-Clause
"""What the ternary accelerator answers on its serial line."""

from gatewright.hw.accel.served_golden import on_the_line
from gatewright.hw.accel.ternary_core.golden import golden as run_core
from gatewright.hw.accel.ternary_linear.config import TernaryLinearConfig
from gatewright.hw.core.ports import Beats


def golden(config: TernaryLinearConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Give the octets sent on ``tx`` for those heard on ``rx``; the host waits for each reply."""
    return on_the_line(config, run_core, inputs)
