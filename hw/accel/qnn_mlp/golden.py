# SPDX-License-Identifier: BSD-2-Clause
"""What the MLP accelerator answers on its serial line: the golden models of its parts, one after the other."""

from gatewright.hw.accel.mlp_core.golden import golden as run_core
from gatewright.hw.accel.qnn_mlp.config import QnnMlpConfig
from gatewright.hw.accel.served_golden import on_the_line
from gatewright.hw.core.ports import Beats


def golden(config: QnnMlpConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Give the octets sent on ``tx`` for those heard on ``rx``; the host waits for each reply."""
    return on_the_line(config, run_core, inputs)
