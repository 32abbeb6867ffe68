# SPDX-License-Identifier: BSD-2-Clause
"""The adder-tree array."""

from gatewright.hw.mac.cube.component import Cube


class AdderTree(Cube):
    """A `Cube` whose config fixes one side to 1; see there for ports and structure."""
