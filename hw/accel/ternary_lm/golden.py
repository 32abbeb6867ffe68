# SPDX-License-Identifier: BSD-2-Clause
"""What the language model accelerator answers on its serial line: the golden models of its parts."""

from gatewright.hw.accel.lm_core.golden import golden as run_core
from gatewright.hw.accel.served_golden import on_the_line
from gatewright.hw.accel.ternary_lm.config import TernaryLmConfig
from gatewright.hw.core.ports import Beats


def golden(config: TernaryLmConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Give the octets sent on ``tx`` for those heard on ``rx``; the host waits for each reply."""
    return on_the_line(config, run_core, inputs)
