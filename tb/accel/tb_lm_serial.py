# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the serial core: a model's words, then prompts of all lengths, full contexts, broken packets."""

from typing import Any

import numpy as np

from gatewright.hw.accel.lm_core.config import LmCoreConfig
from gatewright.hw.accel.lm_serial.config import LmSerialConfig
from gatewright.hw.accel.lm_serial.golden import golden
from gatewright.hw.accel.lm_serial.image import image
from gatewright.tb.accel import tb_lm_core
from gatewright.tb.accel.lm_networks import network
from gatewright.tb.harness.bench import Inputs, StreamBench


def stimulus(config: LmSerialConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Draw a model, then requests as for the other core."""
    made = network(int(rng.integers(1 << 30)), **config.engine, request_tokens=config.request_tokens)
    core = LmCoreConfig(**made)
    words = image(core).astype(np.int64)
    boot = {"data": words, "last": (np.arange(len(words)) == len(words) - 1).astype(np.int64)}
    return {"i_boot": boot, **tb_lm_core.stimulus(core, rng, kind, size)}


SMALL: dict[str, Any] = {"middle_fraction": 10, "gate_shift": 8}
BENCH = StreamBench(
    config=LmSerialConfig,
    golden=golden,
    grid=(
        {**SMALL, "request_tokens": 3, "context": 8, "embed_shift": 8},  # residuals saturate
        {**SMALL, "request_tokens": 2, "context": 4, "heads": 6, "kv_heads": 2, "head_dim": 4, "layers": 1, "vocab": 10,
         "features": 22, "hidden": 40},
        {**SMALL, "request_tokens": 2, "layers": 3, "heads": 4, "kv_heads": 4, "middle_fraction": 12, "gate_shift": 10,
         "epsilon": 900, "mixer_epsilon": 3, "ffn_epsilon": 70000},
    ),
    mutation={**SMALL, "request_tokens": 2, "context": 4},
    stimulus=stimulus,
    size=64,
    mutation_size=64,
    bulk_size=2000,
    remembers=True,
    reset_within=3000,
)  # fmt: skip
