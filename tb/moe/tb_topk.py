# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the selection: rows of every length, rising, falling, flat and full of ties."""

from collections.abc import Iterator

import numpy as np

from gatewright.hw.moe.topk.config import TopkConfig
from gatewright.hw.moe.topk.golden import golden
from gatewright.tb.harness.bench import Inputs, StreamBench, draw


def stimulus(config: TopkConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Draw rows until ``size`` beats are full; the last row is cut to fit."""
    fields = {field.name: field for field in config.inputs[0].fields}
    beats = {name: draw(field, rng, size) for name, field in fields.items()}
    beats["last"] = np.zeros(size, np.int64)
    start = 0
    for length in _lengths(config, rng, size):
        beats["score"][start : start + length] = _scores(config, rng, kind, length)
        start += length
        beats["last"][start - 1] = 1
    return {"i": beats}


def _lengths(config: TopkConfig, rng: np.random.Generator, size: int) -> Iterator[int]:
    """Draw runs of rows: the longest, those that leave whole, single candidates, any."""
    most = config.candidates_max
    while size:
        style = int(rng.integers(4))
        for _ in range(int(rng.integers(1, 6))):
            length = (most, config.k, 1, int(rng.integers(1, most + 1)))[style]
            length = min(length, size)
            if length:
                yield length
            size -= length


def _scores(config: TopkConfig, rng: np.random.Generator, kind: str, length: int) -> np.ndarray:
    """Draw a row: uniform, sorted either way, of few values, flat, or of numbers that differ in one bit."""
    field = config.inputs[0].field("score")
    row = draw(field, rng, length)
    style = int(rng.integers(2, 7)) if kind == "corners" else int(rng.integers(7))
    if style in (2, 3):
        return np.sort(row)[:: 1 if style == 2 else -1]
    if style == 4:
        return rng.choice([field.low, field.high, 0, -1, int(row[0])], length)
    if style == 5:
        return np.full(length, row[0])
    if style == 6:
        bit = (int(row[0]) & ((1 << field.bits) - 1)) ^ (1 << int(rng.integers(field.bits)))
        return rng.choice([int(row[0]), bit - (bit >> (field.bits - 1) << field.bits)], length)
    return row


BENCH = StreamBench(
    config=TopkConfig,
    golden=golden,
    grid=(
        {"tag_bits": 12},
        {"k": 1, "candidates_max": 1, "score_bits": 2},
        {"k": 1, "candidates_max": 5, "score_bits": 4, "tag_bits": 1},
        {"k": 8, "candidates_max": 8, "score_bits": 32, "tag_bits": 32},
        {"k": 4, "candidates_max": 64, "score_bits": 16},
    ),
    mutation={"k": 3, "candidates_max": 5, "score_bits": 3, "tag_bits": 2},
    stimulus=stimulus,
)
