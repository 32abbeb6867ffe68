# SPDX-License-Identifier: BSD-2-Clause
"""Language model accelerator: serial link, command port, core."""

from typing import ClassVar

from gatewright.hw.accel.lm_core.component import LmCore
from gatewright.hw.accel.served import Served
from gatewright.hw.core.streams import RoomComponent


class TernaryLm(Served):
    """Answer requests on a serial line; see `Served` for the pins."""

    core: ClassVar[type[RoomComponent]] = LmCore
