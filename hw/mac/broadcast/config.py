# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the broadcast array: a cube of depth 1."""

from typing import ClassVar

from gatewright.hw.core.config import integer
from gatewright.hw.mac.cube.config import CubeConfig


class BroadcastConfig(CubeConfig):
    """Take one activation per row and one weight per column each cycle."""

    room: ClassVar[str] = "broadcast"

    depth: int = integer(1, 1, 1, doc="Fixed: one product per accumulator and cycle.")
