# SPDX-License-Identifier: BSD-2-Clause
"""Ternary accelerator: serial link, command port, core."""

from typing import ClassVar

from gatewright.hw.accel.served import Served
from gatewright.hw.accel.ternary_core.component import TernaryCore
from gatewright.hw.core.streams import RoomComponent


class TernaryLinear(Served):
    """Answer requests on a serial line; see `Served` for the pins."""

    core: ClassVar[type[RoomComponent]] = TernaryCore
