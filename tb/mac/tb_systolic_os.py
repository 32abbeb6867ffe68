# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the output-stationary systolic array."""

from gatewright.hw.mac.systolic_os.config import SystolicOsConfig
from gatewright.hw.mac.systolic_os.golden import golden
from gatewright.tb.harness.bench import StreamBench
from gatewright.tb.mac.tiles import tile_stimulus

BENCH = StreamBench(
    config=SystolicOsConfig,
    golden=golden,
    grid=(
        {"rows": 3, "cols": 5, "k_max": 30, "acc_bits": 20, "multiplier": "booth"},
        {"rows": 1, "cols": 1, "act_bits": 2, "weight_bits": 16, "weight_signed": False, "k_max": 32, "acc_bits": 23,
         "product_register": False},
        {"rows": 5, "cols": 2, "act_bits": 16, "act_signed": False, "weight_bits": 3, "k_max": 7, "acc_bits": 22},
    ),
    mutation={"rows": 2, "cols": 2, "act_bits": 3, "weight_bits": 4, "acc_bits": 10, "k_max": 12},
    stimulus=tile_stimulus,
)  # fmt: skip
