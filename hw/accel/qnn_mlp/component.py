# SPDX-License-Identifier: BSD-2-Clause
"""MLP accelerator: serial link, command port, core."""

from typing import ClassVar

from gatewright.hw.accel.mlp_core.component import MlpCore
from gatewright.hw.accel.served import Served
from gatewright.hw.core.streams import RoomComponent


class QnnMlp(Served):
    """Answer requests on a serial line; see `Served` for the pins."""

    core: ClassVar[type[RoomComponent]] = MlpCore
