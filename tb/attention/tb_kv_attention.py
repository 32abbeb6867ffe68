# SPDX-License-Identifier: BSD-2-Clause
"""Bench of causal attention over a cache: tokens or blocks in order, layer by layer or not, and sequences anew."""

from dataclasses import replace

import numpy as np

from gatewright.hw.attention.kv_attention.config import KvAttentionConfig
from gatewright.hw.attention.kv_attention.golden import golden
from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import PayloadField
from gatewright.tb.attention.scales import draw_scales
from gatewright.tb.harness.bench import Inputs, StreamBench, draw, draw_corners

JOB = 24  # of the size asked for, at least: a job keeps the room busy for more cycles than it has beats


def stimulus(config: KvAttentionConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Draw jobs that read no place before it is filled, each with scales of its own."""
    count = max(1, size // max(config.heads * config.parts * (config.queries + 1) // 2, JOB))
    layers, positions, more = _places(config, rng, count)
    scales = [_scales(config, rng) for _ in range(count)]
    inputs = {"i_job": {"layer": layers, "position": positions} | ({"more": more} if config.queries > 1 else {})}
    inputs["i_job"] |= {name: np.array([scale[name] for scale in scales]) for name in scales[0]}
    tokens = count + int(more.sum())
    lively = rng.random(tokens) < 0.25  # whose scores are all high or all low
    sign = np.where(lively, rng.choice([-1, 1], tokens), 0)
    for port, heads in zip(config.inputs[1:], (config.heads, config.kv_heads, config.kv_heads), strict=True):
        element = replace(port.fields[0], shape=())
        rows = np.array([_row(element, rng, kind, heads * config.head_dim) for _ in range(tokens)])
        if port.name != "i_v":
            same = np.abs(rows) // 2 + port.fields[0].high // 2
            rows = np.where(sign[:, np.newaxis] == 0, rows, same * (sign[:, np.newaxis] if port.name == "i_q" else 1))
        x = rows.reshape(-1, config.lanes)
        beats = heads * config.parts
        inputs[port.name] = {"x": x, "last": (np.arange(len(x)) % beats == beats - 1).astype(np.int64)}
    return inputs


def leading(config: KvAttentionConfig, inputs: Inputs, rng: np.random.Generator) -> Inputs:
    """Give the beats of some of the first jobs."""
    jobs = inputs["i_job"]
    count = int(rng.integers(1, len(jobs["layer"]) + 1))
    tokens = count + int(jobs["more"][:count].sum()) if "more" in jobs else count
    beats = {"i_job": count, "i_q": tokens * config.heads * config.parts}
    beats |= dict.fromkeys(("i_k", "i_v"), tokens * config.kv_heads * config.parts)
    return {port: {name: x[: beats[port]] for name, x in fields.items()} for port, fields in inputs.items()}


def _places(config: KvAttentionConfig, rng: np.random.Generator, count: int) -> tuple[Ints, Ints, Ints]:
    """Walk tokens and layers in an order that changes now and then; sometimes a sequence begins anew or goes back."""
    filled = [0] * config.layers
    found: list[tuple[int, int, int]] = []
    layer = int(rng.integers(config.layers))
    at, style = 0, 0
    while len(found) < count:
        if rng.random() < 0.15 or at >= config.context:
            style = int(rng.integers(3))
            layer = int(rng.integers(config.layers))
            at = int(rng.choice([0, int(rng.integers(0, filled[layer] + 1))]))
        at = min(at, filled[layer], config.context - 1)
        more = _more(config, rng, at)
        found.append((layer, at, more))
        filled[layer] = max(filled[layer], at + more + 1)
        if style == 0:  # a layer's tokens
            at += 1 + more
        elif style == 1:  # a token's layers
            layer = (layer + 1) % config.layers
            at += (1 + more) * (layer == 0)
        else:  # the longest there are
            layer = int(np.argmax(filled))
            at = filled[layer] if rng.random() < 0.5 else filled[layer] - 1
            if config.queries > 1:  # a block may end where the cache does, or go over what is there
                at -= int(rng.integers(min(config.queries, at + 1)))
    layers, positions, mores = np.array(found).T
    return layers, positions, mores


def _more(config: KvAttentionConfig, rng: np.random.Generator, at: int) -> int:
    """Draw how many tokens follow the first: often none, or as many as there may be."""
    if config.queries == 1:
        return 0
    most = min(config.queries, config.context - at) - 1
    return int(rng.choice([0, most, most, int(rng.integers(most + 1))]))


def _row(field: PayloadField, rng: np.random.Generator, kind: str, count: int) -> Ints:
    """Draw a row: uniform, of extremes, small, or of one element."""
    style = int(rng.integers(4)) if kind == "random" else int(rng.integers(1, 5))
    if style == 0:
        return draw(field, rng, count)
    if style == 1:
        return rng.choice([field.low, field.high], count)
    if style == 2:
        reach = 1 << int(rng.integers(1, field.bits))
        return rng.integers(-reach, reach, count)
    if style == 3:
        return np.full(count, rng.integers(field.low, field.high + 1))
    return rng.permuted(draw_corners(field, rng, count))


def _scales(config: KvAttentionConfig, rng: np.random.Generator) -> dict[str, int]:
    ends = {
        "score": (config.dot_bits, config.score_bits),
        "out": (config.probability_bits + config.act_bits, config.out_bits),
    }
    return draw_scales(config, ends, rng)


TINY = {  # an odd number of walks, so that two jobs' meet
    "heads": 3, "kv_heads": 1, "head_dim": 2, "layers": 2, "context": 4, "lanes": 1, "parallel": 1, "act_bits": 3,
    "score_bits": 4, "score_fraction": 1, "probability_bits": 4, "out_bits": 4, "multiplier_bits": 4, "shift_bits": 2,
    "shift_min": 3, "logic_products": 1,
}  # fmt: skip
SHARED = TINY | {"heads": 9, "kv_heads": 3, "lanes": 2, "layers": 1, "context": 3, "logic_products": 0}
BLOCKS = TINY | {"kv_heads": 3, "queries": 3, "context": 5}  # whose results are reordered
TOGETHER = TINY | {"heads": 2, "queries": 2, "parallel": 2, "layers": 1}  # whose results are not
PAIRS = TINY | {"kv_heads": 3, "tokens": 2, "context": 5, "logic_products": 3}

BENCH = StreamBench(
    config=KvAttentionConfig,
    golden=golden,
    grid=(
        {"heads": 4, "kv_heads": 2, "head_dim": 8, "layers": 3, "context": 11, "lanes": 4, "parallel": 2,
         "logic_products": 5},
        {"heads": 3, "kv_heads": 1, "head_dim": 6, "layers": 2, "context": 6, "lanes": 2, "parallel": 1,
         "logic_products": 6},
        {"heads": 2, "kv_heads": 1, "head_dim": 4, "layers": 1, "context": 300, "lanes": 4, "parallel": 2,
         "probability_bits": 8, "score_bits": 8, "score_fraction": 4, "out_bits": 8},
        {"heads": 4, "kv_heads": 1, "head_dim": 1, "layers": 4, "context": 1, "lanes": 1, "parallel": 4},
        {"heads": 4, "kv_heads": 2, "head_dim": 4, "layers": 2, "context": 9, "lanes": 2, "parallel": 2, "queries": 3,
         "logic_products": 7},
        {"heads": 3, "kv_heads": 3, "head_dim": 2, "layers": 1, "context": 7, "lanes": 1, "parallel": 1, "queries": 2},
        {"heads": 2, "kv_heads": 1, "head_dim": 4, "layers": 1, "context": 300, "lanes": 4, "parallel": 2,
         "queries": 4, "logic_products": 9, "probability_bits": 8, "score_bits": 8, "out_bits": 8},
        {"heads": 2, "kv_heads": 1, "head_dim": 1, "layers": 3, "context": 17, "lanes": 1, "parallel": 1,
         "queries": 16, "act_bits": 4, "score_bits": 6, "probability_bits": 6, "out_bits": 6},
        {"heads": 4, "kv_heads": 2, "head_dim": 4, "layers": 2, "context": 9, "lanes": 2, "parallel": 1, "tokens": 2,
         "logic_products": 5},
        {"heads": 2, "kv_heads": 1, "head_dim": 4, "layers": 1, "context": 301, "lanes": 4, "parallel": 2,
         "tokens": 4, "logic_products": 32, "probability_bits": 8, "score_bits": 8, "out_bits": 8},
        {"heads": 3, "kv_heads": 3, "head_dim": 2, "layers": 3, "context": 17, "lanes": 1, "parallel": 1, "tokens": 16,
         "act_bits": 4, "score_bits": 6, "probability_bits": 6, "out_bits": 6},
    ),
    mutation=(TINY, SHARED, BLOCKS, TOGETHER, PAIRS),
    apart=("softmax_*",),
    leading=leading,
    stimulus=stimulus,
    size=600,
    mutation_size=600,
)  # fmt: skip
