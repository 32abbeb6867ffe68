# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the function unit: inputs around segment ends, exponents, zero, saturation."""

import numpy as np

from gatewright.hw.elementary.function.config import FunctionConfig
from gatewright.hw.elementary.function.golden import golden
from gatewright.tb.harness.bench import Inputs, StreamBench, random_last


def stimulus(config: FunctionConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Draw codes that are uniform, near a power of two, near a segment's end, or in counting order."""
    field = config.inputs[0].field("x")
    shape = (size, config.lanes)
    span = 1 << config.in_bits
    uniform = rng.integers(0, span, shape)
    # Every exponent alike: normalising shifters and saturation see all of their range.
    scaled = uniform >> rng.integers(0, config.in_bits, shape)
    ends = (rng.integers(0, span, shape) & -(1 << (config.in_bits // 2))) + rng.integers(-2, 3, shape)
    counting = rng.integers(span) + np.arange(size * config.lanes).reshape(shape)
    negated = np.where(rng.random(shape) < 0.5, scaled, -1 - scaled)
    choice = rng.integers(0, 5, shape) if kind == "random" else rng.integers(1, 5, shape)
    codes = np.choose(choice, [uniform, scaled, ends, counting, negated]) & (span - 1)
    if kind != "random":
        first = [0, 1, span - 1, span // 2 - 1, span // 2][:size]
        codes[: len(first)] = np.array(first)[:, None]
    x = codes - span * (codes > field.high) if field.signed else codes
    return {"i": {"x": x, "last": random_last(rng, size)}}


BENCH = StreamBench(
    config=FunctionConfig,
    golden=golden,
    grid=(
        {},
        {"function": "reciprocal", "in_bits": 12, "in_fraction": 4, "max_error_milli_ulp": 700, "lanes": 2},
        {"function": "rsqrt", "in_bits": 11, "in_fraction": 4, "out_bits": 12, "out_fraction": 10},
        {"function": "log2", "in_bits": 10, "in_fraction": 4, "out_bits": 13, "out_fraction": 8},
        {"function": "sigmoid", "in_bits": 10, "in_fraction": 6, "out_bits": 10, "out_fraction": 10, "lanes": 3},
        {"function": "tanh", "in_bits": 8, "in_fraction": 5, "out_bits": 8, "out_fraction": 7,
         "structure": "reduced"},
    ),
    mutation=(
        {"argument": "negative", "in_bits": 6, "in_fraction": 3, "out_bits": 5, "out_fraction": 5,
         "structure": "reduced"},
        {"function": "reciprocal", "in_bits": 5, "in_fraction": 2, "out_bits": 5, "out_fraction": 3,
         "structure": "reduced", "max_error_milli_ulp": 700},
        {"function": "rsqrt", "in_bits": 6, "in_fraction": 2, "out_bits": 5, "out_fraction": 4,
         "structure": "reduced", "kernel": "quadratic"},
        {"function": "log2", "in_bits": 5, "in_fraction": 2, "out_bits": 6, "out_fraction": 3,
         "structure": "reduced"},
        {"function": "sigmoid", "in_bits": 6, "in_fraction": 3, "out_bits": 6, "out_fraction": 6,
         "structure": "reduced", "kernel": "linear", "max_error_milli_ulp": 600},
        {"function": "tanh", "in_bits": 6, "in_fraction": 3, "out_bits": 5, "out_fraction": 4,
         "structure": "word"},
    ),
    stimulus=stimulus,
    size=200,
    mutation_size=200,
)  # fmt: skip
