# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the adder-tree array: a cube with one row."""

from typing import ClassVar

from gatewright.hw.core.config import integer
from gatewright.hw.mac.cube.config import CubeConfig


class AdderTreeConfig(CubeConfig):
    """Take ``depth`` activations, and as many weights per column, each cycle."""

    room: ClassVar[str] = "adder_tree"

    rows: int = integer(1, 1, 1, doc="Fixed: one vector of activations.")
    depth: int = integer(8, 1, 64, doc="Terms of each dot product taken per cycle: leaves of an adder tree.")
