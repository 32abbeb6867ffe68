# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the broadcast array: the cube's, which holds for every shape."""

from gatewright.hw.mac.cube.golden import golden, tile_product

__all__ = ["golden", "tile_product"]
