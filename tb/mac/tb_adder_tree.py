# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the adder-tree array."""

from gatewright.hw.mac.adder_tree.config import AdderTreeConfig
from gatewright.hw.mac.adder_tree.golden import golden
from gatewright.tb.harness.bench import StreamBench
from gatewright.tb.mac.tiles import tile_stimulus

BENCH = StreamBench(
    config=AdderTreeConfig,
    golden=golden,
    grid=(
        {"k_max": 80},
        {"cols": 1, "depth": 7, "tree_registers": True, "act_signed": False, "acc_bits": 23, "k_max": 70},
        {"cols": 3, "depth": 2, "weight_bits": 2, "product_register": False, "acc_bits": 14, "k_max": 17},
    ),
    mutation={"cols": 2, "depth": 3, "act_bits": 3, "weight_bits": 3, "acc_bits": 10, "k_max": 18},
    stimulus=tile_stimulus,
)
