# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the attention engine: sequences whose scores spread or saturate, scales that fit and that do not."""

import numpy as np

from gatewright.hw.attention.attention.config import AttentionConfig
from gatewright.hw.attention.attention.golden import golden
from gatewright.hw.core.numerics import Ints
from gatewright.tb.attention.scales import draw_scales
from gatewright.tb.harness.bench import Inputs, StreamBench, draw, draw_corners

BEATS = 4  # of the size asked for, per beat that is played: a beat keeps the engine busy for several cycles,
SEQUENCE = 24  # and so does the shortest sequence


def stimulus(config: AttentionConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Draw whole sequences, each with scales of its own."""
    count = max(1, size // max(BEATS * config.tokens * config.words, SEQUENCE))
    sequences = [_sequence(config, rng, kind) for _ in range(count)]
    inputs = {}
    for index, port in enumerate(config.inputs[:3]):
        x = np.concatenate([sequence[index] for sequence in sequences]).reshape(-1, config.lanes)
        last = np.arange(len(x)) % config.words == config.words - 1
        inputs[port.name] = {"x": x, "last": last.astype(np.int64)}
    scales = [_scales(config, rng) for _ in range(count)]
    inputs["i_scale"] = {name: np.array([scale[name] for scale in scales]) for name in scales[0]}
    return inputs


def _sequence(config: AttentionConfig, rng: np.random.Generator, kind: str) -> list[Ints]:
    """Draw queries, keys and values; now and then all scores are high or all low."""
    rows = [_rows(config, rng, kind) for _ in range(3)]
    if rng.random() < 0.25:
        half = 1 << (config.act_bits - 2)
        signs = rng.choice([-1, 1], 2)
        rows[:2] = [sign * rng.integers(half, 2 * half, rows[0].shape) for sign in signs]
    return rows


def _rows(config: AttentionConfig, rng: np.random.Generator, kind: str) -> Ints:
    """Draw a sequence's rows: uniform, of extremes, small, or a few rows repeated, which makes ties."""
    field = config.inputs[0].fields[0]
    shape = (config.tokens, config.words * config.lanes)
    style = int(rng.integers(5)) if kind == "random" else int(rng.integers(1, 5))
    if style == 0:
        return draw(field, rng, config.tokens * config.words).reshape(shape)
    if style == 1:
        return rng.choice([field.low, field.high], shape)
    if style == 2:
        return rng.permuted(draw_corners(field, rng, config.tokens * config.words)).reshape(shape)
    if style == 3:
        reach = 1 << int(rng.integers(1, config.act_bits))
        return rng.integers(-reach, reach, shape)
    rows = rng.integers(field.low, field.high + 1, (2, shape[1]))
    return rows[rng.integers(0, 2, config.tokens)]


def _scales(config: AttentionConfig, rng: np.random.Generator) -> dict[str, int]:
    ends = {
        "score": (config.dot_bits, config.score_bits),
        "out": (config.prob_bits + config.act_bits, config.act_bits),
    }
    return draw_scales(config, ends, rng)


TINY = {
    "tokens": 6, "heads": 2, "head_dim": 2, "parallel": 2, "lanes": 1, "act_bits": 3, "score_bits": 4, "prob_bits": 4,
    "multiplier_bits": 4, "shift_bits": 2, "shift_min": 3, "softmax_units": 1, "softmax": {"scale_fraction": 1},
}  # fmt: skip

BENCH = StreamBench(
    config=AttentionConfig,
    golden=golden,
    grid=(
        {"tokens": 5, "heads": 2, "head_dim": 4, "parallel": 2, "lanes": 2},
        {"tokens": 3, "heads": 1, "head_dim": 6, "parallel": 4, "lanes": 2, "softmax_units": 2},
        {"tokens": 8, "heads": 3, "head_dim": 4, "parallel": 4, "lanes": 4,
         "softmax": {"algorithm": "online", "scale_fraction": 3}},
        {"tokens": 1, "heads": 1, "head_dim": 2, "parallel": 1, "lanes": 2, "shift_bits": 0, "shift_min": 8,
         "softmax": {"algorithm": "two_pass"}},
        {"tokens": 11, "heads": 1, "head_dim": 8, "parallel": 3, "lanes": 2,
         "softmax": {"algorithm": "fixed_phi", "dividers": 2}},
    ),
    mutation=TINY,
    stimulus=stimulus,
    size=600,
    mutation_size=600,
)  # fmt: skip
