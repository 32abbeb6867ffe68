# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the cube array."""

from gatewright.hw.mac.cube.config import CubeConfig
from gatewright.hw.mac.cube.golden import golden
from gatewright.tb.harness.bench import StreamBench
from gatewright.tb.mac.tiles import tile_stimulus

BENCH = StreamBench(
    config=CubeConfig,
    golden=golden,
    grid=(
        {"rows": 2, "cols": 3, "depth": 4, "k_max": 64},
        {"rows": 3, "cols": 1, "depth": 5, "act_bits": 4, "act_signed": False, "k_max": 23,
         "tree_registers": True, "acc_bits": 17},
        {"rows": 1, "cols": 2, "depth": 3, "weight_bits": 1, "weight_signed": False, "act_signed": False,
         "product_register": False, "k_max": 3, "acc_bits": 11},
    ),
    mutation={"rows": 2, "cols": 2, "depth": 2, "act_bits": 3, "weight_bits": 3, "acc_bits": 10, "k_max": 16},
    stimulus=tile_stimulus,
)  # fmt: skip
