# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the language model's core: prompts of all lengths, tokens fed back, full contexts, broken packets."""

from typing import Any

import numpy as np

from gatewright.hw.accel.lm_core.config import LmCoreConfig
from gatewright.hw.accel.lm_core.golden import golden
from gatewright.hw.accel.lm_core.talk import HEADER, LOGITS, MOST_FOUND, START
from gatewright.hw.core.numerics import Ints
from gatewright.tb.accel.lm_networks import network
from gatewright.tb.harness.bench import Inputs, StreamBench

LONG = 1000  # the size of a stimulus from which on some replies are as long as can be, whatever that costs


def stimulus(config: LmCoreConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Draw requests, about one in six broken, for about ``size / 8`` tokens that run."""
    parts: list[tuple[Ints, int]] = []
    ran = 0
    while 8 * ran < max(1, size):
        octets = request(config, rng, kind)
        if size >= LONG and rng.random() < 0.02:
            octets[2] = MOST_FOUND
        if rng.random() < 0.15:
            parts.append((octets[: rng.integers(1, config.input_bytes + 1)], 0))
            continue
        parts.append((octets, 1))
        ran += max(1, min(int(octets[1]), config.request_tokens) + min(int(octets[2]), config.context) - 1)
    last = np.concatenate([np.arange(len(octets)) == len(octets) - 1 for octets, _ in parts]).astype(np.int64)
    good = np.concatenate([np.full(len(octets), sound) for octets, sound in parts])
    data = np.concatenate([octets for octets, _ in parts]).astype(np.int64)
    data = np.where(data > 127, data - 256, data)
    return {"i": {"data": data, "last": last, "good": last * good}}


def request(config: LmCoreConfig, rng: np.random.Generator, kind: str) -> Ints:
    """Draw a request; some hold more tokens than there is room for, or ask for more than the cache holds."""
    most = config.request_tokens
    octets = rng.integers(0, 256, config.input_bytes)  # the model knows but the lowest of these
    known = rng.random(most) < 0.9
    tokens = rng.integers(0, config.vocab, most) if kind == "random" else rng.choice([0, config.vocab - 1], most)
    octets[HEADER:] = np.where(known, tokens, octets[HEADER:])
    spare = int(octets[0]) & ~(START | LOGITS) if rng.random() < 0.3 else 0
    octets[0] = spare | int(rng.choice([0, START, LOGITS, START | LOGITS], p=[0.15, 0.15, 0.45, 0.25]))
    octets[1] = rng.integers(0, most + 2) if rng.random() < 0.8 else min(255, most + (1 << int(rng.integers(0, 8))))
    octets[2] = rng.integers(0, 4)
    if config.family == "transformer" and rng.random() < 0.05:
        octets[2] = rng.choice([255, config.context])
    return octets


RECURRENT: dict[str, Any] = {"family": "mlgru", "gate": "silu", "middle_fraction": 10, "gate_shift": 8}
# Few elements, narrow gates, tokens that end in mid-beat, two blocks of weights a row.
TINY: dict[str, Any] = {
    "vocab": 27, "features": 8, "hidden": 12, "groups": 4, "request_tokens": 3, "gate_bits": 6, "gate_fraction": 4,
    "up_bits": 6, "middle_bits": 12, "embed_shift": 8,
}  # fmt: skip
ATTENDING = network(**TINY, context=7, head_dim=4, head_digits=2, rope_shift=0, middle_fraction=8, gate_shift=4)
GATED = network(**TINY, family="mlgru", gate="silu", act="dynamic", middle_fraction=8, gate_shift=2, state_gate_shift=4)
BENCH = StreamBench(
    config=LmCoreConfig,
    golden=golden,
    grid=(
        ATTENDING,
        {**RECURRENT, "request_tokens": 3},
        GATED,
        {"request_tokens": 3, "context": 8, "head_digits": 2, "embed_shift": 8},  # residuals saturate
        {"request_tokens": 2, "context": 5, "heads": 4, "kv_heads": 2, "parallel": 2, "act": "dynamic", "layers": 1,
         "vocab": 11, "outputs_per_cycle": 4, "groups": 16},
        {**RECURRENT, "request_tokens": 2, "act": "dynamic", "layers": 1, "hidden": 40, "outputs_per_cycle": 2,
         "groups": 10, "packing": "base3_g5", "vocab": 7, "head_digits": 3},
        {"request_tokens": 2, "context": 6, "heads": 4, "kv_heads": 2, "read_tokens": 2, "logic_products": 9,
         "layers": 1, "vocab": 9},
    ),
    mutation=(ATTENDING, GATED),
    # Rooms with benches of their own.
    apart=(
        "matvec", "rescale", "scales", "weights", "attention", "rope", "recurrence", "bounds", "norm", "gains", "gated",
        "gates", "pair*", "argmax", "_cut",
    ),
    stimulus=stimulus,
    size=64,
    bulk_size=8000,
    remembers=True,
    reset_within=1500,
)  # fmt: skip
