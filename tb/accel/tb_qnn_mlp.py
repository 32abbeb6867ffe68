# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the MLP accelerator: requests of every kind, sound and broken, at the pins."""

from gatewright.hw.accel.qnn_mlp.config import QnnMlpConfig
from gatewright.hw.accel.qnn_mlp.golden import golden
from gatewright.tb.accel.served import design, stimulus
from gatewright.tb.accel.tb_mlp_core import layers
from gatewright.tb.harness.bench import StreamBench

BENCH = StreamBench(
    config=QnnMlpConfig,
    golden=golden,
    grid=(
        {**design(4, cols=3, layers=layers(5, 4, 3, seed=5)), "design_id": 0x7E7D5E5D},
        {**design(7, cols=2, depth=4, layers=layers(6, 5, 2, seed=6, affine=True)), "design_id": 0xDEADBEEF},
    ),
    mutation={**design(4, cols=2, layers=layers(3, 2, seed=7)), "design_id": 0x12345678},
    stimulus=stimulus,
    size=12,
    mutation_size=4,
    test_module="gatewright.tb.accel.served_tests",
)
