# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the vision transformer accelerator: requests of every kind, sound and broken, at the pins."""

from typing import Any

from gatewright.hw.accel.moe_vit.config import MoeVitConfig
from gatewright.hw.accel.moe_vit.golden import golden
from gatewright.hw.accel.vit_core.demo import constants
from gatewright.tb.accel.served import design, stimulus
from gatewright.tb.harness.bench import StreamBench

SMALL: dict[str, Any] = {
    "features": 8, "hidden": 8, "expert_hidden": 8, "classes": 2, "inputs_per_cycle": 4, "outputs_per_cycle": 2,
    "lanes": 2,
    "attention": {"heads": 1, "head_dim": 8, "parallel": 2, "lanes": 4}, "gate": {"experts": 4, "k": 1},
}  # fmt: skip

BENCH = StreamBench(
    config=MoeVitConfig,
    golden=golden,
    grid=({**design(4, **constants(**SMALL)), "design_id": 0x7E7D5E5D},),
    mutation={**design(4, **constants(**SMALL)), "design_id": 0x12345678},
    stimulus=stimulus,
    size=6,
    mutation_size=4,
    test_module="gatewright.tb.accel.served_tests",
)
