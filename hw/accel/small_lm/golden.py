# SPDX-License-Identifier: BSD-2-Clause
"""What the accelerator answers on its serial line, its flash given: the golden models of its parts."""

from gatewright.hw.accel.lm_serial.golden import golden as run_core
from gatewright.hw.accel.served_golden import on_the_line
from gatewright.hw.accel.small_lm.config import SmallLmConfig
from gatewright.hw.core.ports import Beats


def golden(config: SmallLmConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Give the octets sent on ``tx`` for those heard on ``rx``; the host waits for each reply.

    Input ``flash`` has the constants: ``data``, a word of 16 bits each.
    """

    def booted(core: object, beats: dict[str, Beats]) -> dict[str, Beats]:
        return run_core(config.core, {"i_boot": inputs["flash"], **beats})

    return on_the_line(config, booted, inputs)
