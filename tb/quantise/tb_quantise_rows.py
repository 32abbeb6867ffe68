# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the row quantiser: ties, neighbours of ties and peaks at every place of a row, rows of all lengths."""

import numpy as np

from gatewright.hw.quantise.quantise_rows.config import QuantiseRowsConfig
from gatewright.hw.quantise.quantise_rows.golden import golden
from gatewright.tb.harness.bench import Inputs, StreamBench


def stimulus(config: QuantiseRowsConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Draw rows until ``size`` beats are full; the last row is cut to fit."""
    x = np.zeros((size, config.lanes), np.int64)
    last = np.zeros(size, np.int64)
    beat = 0
    while beat < size:
        length = min(_length(config, rng), size - beat)
        x[beat : beat + length] = _row(config, rng, kind, length)
        beat += length
        last[beat - 1] = 1
    return {"i": {"x": x, "last": last}}


def _length(config: QuantiseRowsConfig, rng: np.random.Generator) -> int:
    """Draw the longest row now and then, so that short ones queue behind it."""
    recipe = rng.integers(8)
    if recipe == 0:
        return config.row_max
    if recipe == 1:
        return int(rng.integers(1, config.row_max + 1))
    return min(int(rng.integers(1, 4)), config.row_max)


def _row(config: QuantiseRowsConfig, rng: np.random.Generator, kind: str, length: int) -> np.ndarray:
    """Draw a peak, put it anywhere, fill the rest with ties, their neighbours, and anything below the peak."""
    most, levels = 1 << (config.in_bits - 1), config.levels
    shape = length, config.lanes
    if kind == "random" and rng.random() < 0.3:
        return rng.integers(-most, most, shape)
    peak = int(rng.choice([most, most - 1, 0, 1, 2, int(rng.integers(1, most + 1)), int(rng.integers(1, most + 1))]))
    if rng.random() < 0.5:  # any magnitude; multiples of twice the levels have a tie at every odd code
        peak >>= int(rng.integers(config.in_bits))
        peak = peak // (2 * levels) * 2 * levels or peak
    ties = (2 * rng.integers(0, levels, shape) + 1) * peak // (2 * levels)
    beside = ties + rng.integers(0, 2, shape)
    anything = rng.integers(0, peak + 1, shape)
    small = anything >> rng.integers(0, most.bit_length())
    size = np.choose(rng.integers(0, 4, shape), [ties, beside, anything, small])
    x = np.minimum(size, peak) * rng.choice([-1, 1], shape)
    x[rng.integers(length), rng.integers(config.lanes)] = peak * rng.choice([-1, 1])
    return np.clip(x, -most, most - 1)


BENCH = StreamBench(
    config=QuantiseRowsConfig,
    golden=golden,
    grid=(
        {"row_max": 12},
        {"lanes": 1, "in_bits": 4, "out_bits": 2, "row_max": 1},
        {"lanes": 3, "in_bits": 24, "out_bits": 4, "row_max": 5, "bits_per_stage": 3},
        {"lanes": 2, "in_bits": 40, "out_bits": 16, "row_max": 27, "bits_per_stage": 4},
        {"row_max": 60, "engine": "reciprocal"},
        {"lanes": 1, "in_bits": 6, "out_bits": 2, "row_max": 20, "engine": "reciprocal", "bits_per_cycle": 2},
    ),
    mutation=(
        {"lanes": 2, "in_bits": 4, "out_bits": 3, "row_max": 4, "bits_per_stage": 2},
        {
            "lanes": 1,
            "in_bits": 4,
            "out_bits": 3,
            "row_max": 3,
            "engine": "reciprocal",
            "bits_per_cycle": 4,
            "limb_bits": 6,
        },
    ),
    stimulus=stimulus,
    mutation_size=400,
)
