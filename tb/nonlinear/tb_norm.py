# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the norms: rows of all lengths, flat, of one spike, of both extremes, and gains that saturate."""

import numpy as np

from gatewright.hw.core.ports import Beats
from gatewright.hw.nonlinear.norm.config import NormConfig
from gatewright.hw.nonlinear.norm.golden import golden
from gatewright.tb.harness.bench import StreamBench, draw, draw_corners


def stimulus(config: NormConfig, rng: np.random.Generator, kind: str, size: int) -> dict[str, Beats]:
    """Draw rows of telling lengths and shapes, then gains and biases."""
    lengths: list[int] = []
    while sum(lengths) < size:
        lengths.append(_length(config, rng))
    lengths[-1] -= sum(lengths) - size
    last = np.zeros(size, np.int64)
    last[np.cumsum(lengths) - 1] = 1
    x = np.concatenate([_row(config, rng, kind, length) for length in lengths])
    affine = {
        field.name: draw(field, rng, size) if kind == "random" else draw_corners(field, rng, size)
        for field in config.inputs[1].fields
    }
    return {"i": {"x": x, "last": last}, "i_weight": affine}


def _length(config: NormConfig, rng: np.random.Generator) -> int:
    """Draw a row's length in beats: the longest in half of all cases, often one."""
    choices = (config.row_beats, config.row_beats, 1, int(rng.integers(1, config.row_beats + 1)))
    return choices[rng.integers(4)]


def _row(config: NormConfig, rng: np.random.Generator, kind: str, beats: int) -> np.ndarray:
    """Draw a row; what lies beyond its `elements` is zero."""
    count = min(beats * config.lanes, config.elements)
    low, high = -(1 << (config.in_bits - 1)), (1 << (config.in_bits - 1)) - 1
    values = np.zeros(beats * config.lanes, np.int64)
    ends = rng.choice([low, high, 0, 1, -1], 2)
    recipe = int(rng.integers(6)) if kind == "random" else int(rng.integers(2, 6))
    match recipe:
        case 0 | 1:
            row = rng.integers(low, high, count, endpoint=True) >> int(rng.integers(config.in_bits))
        case 2:  # flat
            row = np.full(count, ends[0])
        case 3:  # one spike
            row = np.full(count, ends[0])
            row[rng.integers(count)] = int(rng.integers(low, high, endpoint=True))
        case 4:
            row = rng.choice(ends, count)
        case _:
            row = rng.choice([low, high], count) >> int(rng.integers(config.in_bits))
    values[:count] = row
    return values.reshape(beats, config.lanes)


TINY = {"elements": 6, "in_bits": 3, "weight_bits": 3, "out_bits": 3, "weight_fraction": 1, "guard_bits": 1}

BENCH = StreamBench(
    config=NormConfig,
    golden=golden,
    grid=(
        {"elements": 48},
        {"elements": 22, "lanes": 4, "in_bits": 12, "weight_bits": 12, "epsilon": 5},
        {"kind": "layer", "elements": 60, "lanes": 2},
        {"kind": "layer", "elements": 20, "lanes": 4, "in_bits": 14, "out_bits": 16, "weight_bits": 16, "bias_bits": 18,
         "epsilon": 3},
        {"output": "dynamic", "elements": 22, "lanes": 2, "epsilon": 7},
        {"output": "dynamic", "kind": "layer", "elements": 52},
        {"elements": 48, "lanes": 4, "in_bits": 16, "digits": 2},
        {"kind": "layer", "elements": 21, "in_bits": 9, "guard_bits": 5, "digits": 2},
        {"output": "dynamic", "elements": 22, "lanes": 2, "in_bits": 11, "epsilon": 7, "digits": 2},
    ),
    mutation=(
        # Rows long enough to follow each other without a bubble, and to fill the store.
        TINY | {"kind": "layer", "elements": 22, "bias_bits": 3},
        TINY,
        TINY | {"output": "dynamic"},
        TINY | {"digits": 2},
    ),
    stimulus=stimulus,
    size=120,
    mutation_size=400,
)  # fmt: skip
