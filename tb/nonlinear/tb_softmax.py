# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the softmax: rows of every length, ties, steep and flat rows, masks, values at both ends."""

from collections.abc import Iterator

import numpy as np

from gatewright.hw.core.ports import Beats
from gatewright.hw.nonlinear.softmax.config import SoftmaxConfig
from gatewright.hw.nonlinear.softmax.golden import golden
from gatewright.tb.harness.bench import StreamBench


def stimulus(config: SoftmaxConfig, rng: np.random.Generator, kind: str, size: int) -> dict[str, Beats]:
    """Draw rows until ``size`` beats are full."""
    port = config.inputs[0]
    beats = {field.name: np.zeros((size, *field.shape), np.int64) for field in port.fields}
    start = 0
    for length in _lengths(config, rng, size):
        row = slice(start, start + length)
        beats["score"][row] = _scores(config, rng, kind, (length, config.lanes))
        if config.mask == "keep":
            beats["keep"][row] = rng.random((length, config.lanes)) < rng.choice([0, 0.1, 0.5, 0.9, 1])
        if config.mask == "limit":
            beats["limit"][row] = rng.integers(0, min(length * config.lanes + 2, 1 << config.limit_bits))
        beats["last"][start + length - 1] = 1
        start += length
    return {"i": beats}


def _lengths(config: SoftmaxConfig, rng: np.random.Generator, size: int) -> Iterator[int]:
    """Draw row lengths in runs: the longest rows, the shortest, any, and one long before many short ones."""
    most = config.row_beats
    while size:
        style, run = rng.integers(4), int(rng.integers(1, 12))
        for place in range(run):
            length = (most, 1, int(rng.integers(1, most + 1)), 1 if place else most)[style]
            length = min(length, size)
            if length:
                yield length
            size -= length


def _scores(config: SoftmaxConfig, rng: np.random.Generator, kind: str, shape: tuple[int, int]) -> np.ndarray:
    """Draw a row: uniform, of two values, within a narrow band, rising, or one peak over a flat floor."""
    low, high = -(1 << (config.score_bits - 1)), (1 << (config.score_bits - 1)) - 1
    style = int(rng.integers(6))
    if kind == "corners" and style < 2:
        style = 2
    if style < 2:
        return rng.integers(low, high, shape, endpoint=True)
    if style == 2:
        return rng.choice([low, high, 0, -1, int(rng.integers(low, high + 1))], shape)
    # Distances that count are those within a few natural-log units.
    reach = max(int((config.out_bits + 2) * 2.0**config.scale_fraction / config.scale), 1)
    top = int(rng.integers(low, high + 1))
    if style == 3:
        return np.clip(rng.integers(top - min(reach, high - low), top + 1, shape), low, high)
    if style == 4:
        rising = np.arange(shape[0] * shape[1]).reshape(shape) * int(rng.integers(1, max(reach // 4, 2)))
        return np.clip(top + rising * int(rng.choice([-1, 1])), low, high)
    floor = np.full(shape, max(top - int(rng.integers(min(reach, high - low) + 1)), low))
    floor[rng.integers(shape[0]), rng.integers(shape[1])] = top
    return floor


SMALL = {"lanes": 2, "row_max": 10, "score_bits": 6, "scale_fraction": 2}
RANGE = {"phi": 8, "range_low": -12, "range_high": 12}
TINY = {"lanes": 2, "row_max": 8, "score_bits": 4, "scale_fraction": 1, "out_bits": 4}

BENCH = StreamBench(
    config=SoftmaxConfig,
    golden=golden,
    grid=(
        SMALL,
        SMALL | {"algorithm": "online", "lanes": 3, "row_max": 6, "mask": "keep", "dividers": 3},
        SMALL | {"algorithm": "two_pass", "mask": "limit", "score_bits": 5, "scale_fraction": 0},
        SMALL | {"algorithm": "base2", "lanes": 4, "mask": "keep"},
        SMALL | {"algorithm": "fixed_phi", "mask": "keep", "dividers": 2} | RANGE,
        # Rows too long for buffers that never fill.
        {"lanes": 1, "row_max": 90, "score_bits": 16, "scale_fraction": 9, "mask": "limit", "out_bits": 16},
        {"lanes": 2, "row_max": 90, "score_bits": 14, "scale_fraction": 8, "mask": "keep", "out_bits": 14,
         "product_registers": 2},
        SMALL | {"product_registers": 2},
    ),
    mutation=(
        TINY,
        TINY | {"product_registers": 2},
        TINY | {"algorithm": "online"},
        # Short rows of near scores: fewer bits between those inside and those of the output.
        TINY | {"algorithm": "two_pass", "row_max": 4, "scale_fraction": 2},
        TINY | {"algorithm": "base2", "row_max": 4, "score_bits": 6, "scale_fraction": 4, "out_bits": 6},
        TINY | {"algorithm": "fixed_phi", "phi": 2, "range_low": -4, "range_high": 5},
    ),
    stimulus=stimulus,
    size=240,
    mutation_size=400,  # long runs in compiled simulation follow
)  # fmt: skip
