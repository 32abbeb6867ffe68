# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the trit decoder: every code, defined or not, at every place of the beat."""

import numpy as np

from gatewright.hw.core.ports import Beats
from gatewright.hw.ternary.trit_decode.config import TritDecodeConfig
from gatewright.hw.ternary.trit_decode.golden import golden
from gatewright.tb.harness.bench import StreamBench, random_last


def stimulus(config: TritDecodeConfig, rng: np.random.Generator, kind: str, size: int) -> dict[str, Beats]:
    """Draw codes; ``corners`` walks through all of them beside defined ones, so that one alone raises the flag."""
    shape = (size, config.groups)
    codes = rng.choice(config.code.codes, shape)
    if kind == "corners":
        places = rng.permuted(np.tile(np.arange(config.groups), (size, 1)), axis=1)[:, 0]
        codes[np.arange(size), places] = (np.arange(size) + rng.integers(1 << config.code.code_bits)) % (
            1 << config.code.code_bits
        )
    else:
        wild = rng.random(shape) < rng.choice([0, 0.1, 1], (size, 1))
        codes = np.where(wild, rng.integers(0, 1 << config.code.code_bits, shape), codes)
    return {"i": {"code": codes.astype(np.int64), "last": random_last(rng, size)}}


BENCH = StreamBench(
    config=TritDecodeConfig,
    golden=golden,
    grid=(  # tests/ternary/test_codecs.py visits all codes of every packing
        {},
        {"packing": "base3_g5", "groups": 3},
        {"packing": "base3_g4", "registered": "codes"},
        {"packing": "escape_g5", "groups": 2},
    ),
    mutation=(
        {"packing": "base3_g5"},
        {"packing": "escape_g5"},
        {"packing": "tl2", "groups": 2, "registered": "codes"},
        {"packing": "tq1_g5"},
    ),
    stimulus=stimulus,
    size=300,
    mutation_size=300,
)
