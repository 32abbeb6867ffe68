# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the language model's core: prompts of all lengths, tokens fed back, full contexts, broken packets."""

from typing import Any

import numpy as np

from gatewright.hw.accel.lm_core.config import HEADER, LOGITS, START, LmCoreConfig
from gatewright.hw.accel.lm_core.golden import golden
from gatewright.hw.core.numerics import Ints
from gatewright.tb.harness.bench import Inputs, StreamBench


def stimulus(config: LmCoreConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Draw requests, about one in six broken; ``size`` is about the number of tokens that run."""
    parts: list[tuple[Ints, int]] = []
    most, ran = config.request_tokens, 0
    while ran < max(1, size):
        octets = rng.integers(-128, 128, config.input_bytes)
        octets[HEADER:] = rng.integers(0, config.vocab, most) if kind == "random" else rng.choice([0, config.vocab - 1])
        octets[0] = int(rng.choice([0, START, LOGITS, START | LOGITS], p=[0.5, 0.2, 0.2, 0.1]))
        octets[1] = int(rng.integers(0, most + 2)) if size > 1 else 1
        octets[2] = int(rng.integers(0, 4)) if size > 1 else 1
        if not ran:  # what a test before this one has left must not count
            octets[0], octets[1], octets[2] = int(octets[0]) | START, max(1, octets[1]), max(1, octets[2])
        if size > 1 and rng.random() < 0.15:
            parts.append((octets[: rng.integers(1, config.input_bytes + 1)], 0))
            continue
        parts.append((octets, 1))
        ran += max(1, int(octets[1]) + int(octets[2]) - 1)
    last = np.concatenate([np.arange(len(octets)) == len(octets) - 1 for octets, _ in parts]).astype(np.int64)
    good = np.concatenate([np.full(len(octets), sound) for octets, sound in parts])
    data = np.concatenate([octets for octets, _ in parts]).astype(np.int64)
    data = np.where(data > 127, data - 256, data)
    return {"i": {"data": data, "last": last, "good": last * good}}


RECURRENT: dict[str, Any] = {"family": "mlgru", "gate": "silu", "middle_fraction": 10, "gate_shift": 8}
BENCH = StreamBench(
    config=LmCoreConfig,
    golden=golden,
    grid=(
        {"request_tokens": 3, "context": 8, "head_digits": 2, "embed_shift": 8},  # residuals saturate
        {**RECURRENT, "request_tokens": 3},
        {"request_tokens": 2, "context": 5, "heads": 4, "kv_heads": 2, "parallel": 2, "act": "dynamic", "layers": 1,
         "vocab": 11, "outputs_per_cycle": 4, "groups": 16},
        {**RECURRENT, "request_tokens": 2, "act": "dynamic", "layers": 1, "hidden": 40, "outputs_per_cycle": 2,
         "groups": 10, "packing": "base3_g5", "vocab": 7, "head_digits": 3},
    ),
    mutation={"request_tokens": 2, "context": 6},
    stimulus=stimulus,
    size=8,
)  # fmt: skip
