# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the GEMM engine."""

from gatewright.hw.mac.gemm.config import GemmConfig
from gatewright.hw.mac.gemm.golden import golden
from gatewright.tb.harness.bench import StreamBench
from gatewright.tb.mac.products import stimulus

SMALL = {"m_max": 16, "n_max": 16, "k_max": 48}

BENCH = StreamBench(
    config=GemmConfig,
    golden=golden,
    grid=(
        {**SMALL, "dataflow": "os", "rows": 3, "cols": 4, "buffer_depth": 8, "acc_bits": 24},
        {**SMALL, "dataflow": "ws", "rows": 3, "cols": 2, "m_depth": 4, "acc_bits": 24},
        {**SMALL, "dataflow": "broadcast", "rows": 1, "cols": 4, "lanes": 1, "operand_buffers": False,
         "acc_bits": 24, "requantise": {"engine": "serial"}},
        {**SMALL, "dataflow": "cube", "rows": 2, "cols": 4, "depth": 3, "lanes": 2, "buffer_depth": 1,
         "output": "accumulator", "acc_bits": 24},
        {**SMALL, "dataflow": "tree", "rows": 1, "cols": 2, "depth": 4, "product_register": False,
         "buffer_depth": 3, "requantise": {"scope": "tensor", "contract": "half_up"}},
    ),
    mutation={"dataflow": "broadcast", "rows": 2, "cols": 2, "act_bits": 3, "weight_bits": 3, "acc_bits": 12,
              "bias_bits": 6, "m_max": 8, "n_max": 8, "k_max": 12, "buffer_depth": 3,
              "requantise": {"multiplier_bits": 4, "shift_min": 4, "shift_bits": 2, "out_bits": 4}},
    stimulus=stimulus,
)  # fmt: skip
