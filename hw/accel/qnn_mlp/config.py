# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the MLP accelerator."""

from typing import ClassVar

from gatewright.hw.accel.mlp_core.config import MlpCoreConfig
from gatewright.hw.accel.served_config import ServedConfig
from gatewright.hw.core.config import part


class QnnMlpConfig(ServedConfig):
    """An `mlp_core` behind a UART that speaks `gatewright.hw.bus.protocol`."""

    room: ClassVar[str] = "qnn_mlp"

    core: MlpCoreConfig = part(MlpCoreConfig(), doc="The network and what runs it.")
