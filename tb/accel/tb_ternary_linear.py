# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the ternary accelerator: requests of every kind, sound and broken, at the pins."""

from gatewright.hw.accel.ternary_linear.config import TernaryLinearConfig
from gatewright.hw.accel.ternary_linear.golden import golden
from gatewright.tb.accel.served import design, stimulus
from gatewright.tb.accel.tb_ternary_core import constant, loaded
from gatewright.tb.harness.bench import StreamBench

FOLD = {"method": "fold", "group": 2, "groups": 1, "outputs_per_cycle": 2}

BENCH = StreamBench(
    config=TernaryLinearConfig,
    golden=golden,
    grid=(
        {**design(4, **constant(8, 3, outputs_per_cycle=2)), "design_id": 0x7E7D5E5D},
        {**design(4, **loaded(6, 3, "spram", lanes=2, **FOLD)), "design_id": 0xDEADBEEF},
    ),
    mutation={**design(4, **loaded(4, 2, "spram", lanes=2, **FOLD)), "design_id": 0x12345678},
    stimulus=stimulus,
    size=8,
    mutation_size=4,
    test_module="gatewright.tb.accel.served_tests",
)
