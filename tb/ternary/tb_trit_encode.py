# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the trit encoder: all groups of trits, and -2 at every place."""

import numpy as np

from gatewright.hw.core.ports import Beats
from gatewright.hw.ternary.trit_encode.config import TritEncodeConfig
from gatewright.hw.ternary.trit_encode.golden import golden
from gatewright.tb.harness.bench import StreamBench, random_last


def stimulus(config: TritEncodeConfig, rng: np.random.Generator, kind: str, size: int) -> dict[str, Beats]:
    """Draw trits; ``corners`` are beats with a single -2, others hold none or many."""
    trits = rng.integers(-1, 2, (size, config.trits))
    if kind == "corners":
        alone = rng.random(size) < 0.5
        trits[alone, rng.integers(config.trits, size=size)[alone]] = -2
    else:
        wild = rng.random(trits.shape) < rng.choice([0, 0, 0.5], (size, 1))
        trits = np.where(wild, rng.integers(-2, 2, trits.shape), trits)
    return {"i": {"trit": trits, "last": random_last(rng, size)}}


BENCH = StreamBench(
    config=TritEncodeConfig,
    golden=golden,
    grid=(  # tests/ternary/test_codecs.py visits all groups of every packing
        {},
        {"packing": "base3_g5", "groups": 3},
        {"packing": "tl2", "groups": 4},
        {"packing": "escape_g5", "groups": 2},
    ),
    mutation=(
        {"packing": "base3_g5"},
        {"packing": "escape_g5"},
        {"packing": "tl2", "groups": 2},
        {"packing": "tq1_g5"},
    ),
    stimulus=stimulus,
    size=300,
    mutation_size=300,
)
