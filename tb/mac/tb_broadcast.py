# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the broadcast array."""

from gatewright.hw.mac.broadcast.config import BroadcastConfig
from gatewright.hw.mac.broadcast.golden import golden
from gatewright.tb.harness.bench import StreamBench
from gatewright.tb.mac.tiles import tile_stimulus

BENCH = StreamBench(
    config=BroadcastConfig,
    golden=golden,
    grid=(
        {"k_max": 40},
        {"rows": 1, "cols": 8, "product_register": False, "acc_bits": 24, "k_max": 200},
        {"rows": 5, "cols": 2, "act_bits": 5, "weight_bits": 3, "act_signed": False, "k_max": 7,
         "acc_bits": 11},
    ),
    mutation={"rows": 2, "cols": 2, "act_bits": 3, "weight_bits": 4, "acc_bits": 12, "k_max": 24},
    stimulus=tile_stimulus,
)  # fmt: skip
