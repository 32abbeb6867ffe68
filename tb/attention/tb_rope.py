# SPDX-License-Identifier: BSD-2-Clause
"""Bench of rotary positions: every position soon, longest pairs, sums at ties and limits."""

from functools import cache

import numpy as np

from gatewright.hw.attention.rope.config import RopeConfig
from gatewright.hw.attention.rope.golden import golden
from gatewright.hw.core.numerics import Ints
from gatewright.tb.harness.bench import Inputs, StreamBench, draw_corners


def stimulus(config: RopeConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Draw about ``size`` beats: whole heads, at least one, in packets of one or more."""
    x = config.inputs[0].field("x")
    heads = max(1, size // config.parts)
    last = np.zeros(heads * config.parts, np.int64)
    last[config.parts - 1 :: config.parts] = rng.random(heads) < rng.choice([0.9, 0.3], heads)
    last[-1] = 1
    token = np.cumsum(last) - last
    tokens = int(token[-1]) + 1
    if kind == "corners":
        position = rng.choice([0, 1, config.context - 1], tokens)[token]
        drawn = draw_corners(x, rng, len(last))
    else:
        rounds = -(-tokens // config.context)
        position = np.concatenate([rng.permutation(config.context) for _ in range(rounds)])[token]
        drawn = rng.integers(x.low, x.high, (len(last), *x.shape), endpoint=True)
        drawn >>= rng.choice([0, 0, x.bits // 2], drawn.shape)
        drawn = np.where(rng.random(drawn.shape) < 0.4, _aimed(config, rng, drawn, position), drawn)
        if config.context * config.head_dim << 2 * config.in_bits <= MOST_TRIED:
            _put_edges(config, rng, drawn, position)
    return {"i": {"x": drawn, "position": position, "last": last}}


def _aimed(config: RopeConfig, rng: np.random.Generator, x: Ints, position: Ints) -> Ints:
    """Turn results at a limit, at a tie or next to one back into elements."""
    field, unit = config.inputs[0].field("x"), 2.0**config.shift
    limit = 1 << (config.out_bits - 1)
    wanted = rng.choice([-limit, limit, 0, 1], x.shape) + rng.choice([-0.5, 0.5, 0.0], x.shape)
    entry = position * config.parts + np.arange(len(x)) % config.parts
    cos, sin = (table.reshape(-1, config.lanes // 2)[entry] / 2.0**14 for table in config.table)
    a, b = wanted[:, ::2] * unit, wanted[:, 1::2] * unit
    back = np.stack([a * cos + b * sin, b * cos - a * sin], axis=-1).reshape(x.shape)
    return np.clip(np.rint(back).astype(np.int64), field.low, field.high)


def _put_edges(config: RopeConfig, rng: np.random.Generator, x: Ints, position: Ints) -> None:
    """Put pairs whose sums one unit would round the other way into about half of the places that have such."""
    half = config.lanes // 2
    for beat in np.flatnonzero(rng.random(len(x)) < 0.5):
        for pair in range(half):
            found = _edges(config, int(position[beat]), int(beat) % config.parts * half + pair)
            if len(found):
                x[beat, 2 * pair : 2 * pair + 2] = rng.choice(found)


@cache
def _edges(config: RopeConfig, position: int, pair: int) -> Ints:
    """Find, of all pairs, those of which a sum is a tie or one less, and its result within the limits."""
    field = config.inputs[0].field("x")
    every = np.arange(field.low, field.high + 1)
    a, b = every[:, np.newaxis], every
    cos, sin = (int(table[position, pair]) for table in config.table)
    unit, limit = 1 << config.right_shift, 1 << (config.out_bits - 1)
    at_edge = np.zeros((len(every), len(every)), bool)
    for total in (a * cos - b * sin, a * sin + b * cos):
        edge = (total + unit // 2) % unit
        at_edge |= ((edge == 0) | (edge == unit - 1)) & (abs(total) < (limit - 1) * unit)
    return every[np.argwhere(at_edge)]


MOST_TRIED = 1 << 22  # pairs of elements, over all positions
# Low bits of products show where a sum is next to a tie: many angles make many sums.
TINY = {"lanes": 2, "head_dim": 4, "context": 61, "base": 3.0, "in_bits": 6, "out_bits": 6}

BENCH = StreamBench(
    config=RopeConfig,
    golden=golden,
    grid=(
        {},
        {"lanes": 2, "head_dim": 6, "context": 9, "shift": 4},
        {"lanes": 8, "head_dim": 8, "context": 16, "shift": 8, "base": 500000.0},
        {"lanes": 2, "head_dim": 2, "context": 5, "in_bits": 18, "out_bits": 18},
        {"lanes": 16, "head_dim": 64, "context": 5, "in_bits": 8, "out_bits": 16, "base": 1.0},
    ),
    mutation=(TINY, TINY | {"head_dim": 6, "shift": 2, "out_bits": 4}),
    stimulus=stimulus,
    size=200,
    mutation_size=100,
)
