# SPDX-License-Identifier: BSD-2-Clause
"""Vision transformer accelerator: serial link, command port, core."""

from typing import ClassVar

from gatewright.hw.accel.served import Served
from gatewright.hw.accel.vit_core.component import VitCore
from gatewright.hw.core.streams import RoomComponent


class MoeVit(Served):
    """Answer requests on a serial line; see `Served` for the pins."""

    core: ClassVar[type[RoomComponent]] = VitCore
