# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of causal attention over a cache: a token at a time, all its heads."""

import numpy as np

from gatewright.hw.attention.kv_attention.config import KvAttentionConfig
from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats
from gatewright.hw.nonlinear.softmax.golden import golden as softmax
from gatewright.hw.quantise.requantise.golden import requantise


def golden(config: KvAttentionConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Attend from token after token; places that no token has filled hold 0 here and anything in hardware."""
    jobs = tokens(inputs["i_job"])
    count, dim = len(jobs["position"]), config.head_dim
    q = inputs["i_q"]["x"].reshape(count, config.heads, dim)
    k, v = (inputs[port]["x"].reshape(count, config.kv_heads, dim) for port in ("i_k", "i_v"))
    keys, values = (np.zeros((config.layers, config.context, config.kv_heads, dim), np.int64) for _ in range(2))
    y = np.empty((count, config.heads, dim), np.int64)
    for job in range(count):
        layer, position = int(jobs["layer"][job]), int(jobs["position"][job])
        keys[layer, position], values[layer, position] = k[job], v[job]
        seen = slice(position + 1)
        p = probabilities(config, score(config, jobs, job, q[job], keys[layer, seen]))
        shape = (config.kv_heads, config.share, position + 1)
        sums = np.einsum("gst,tgd->gsd", p.reshape(shape), values[layer, seen])
        y[job] = requantise(config.finisher, sums, *_scale(config, jobs, job, "out")).reshape(config.heads, dim)
    beats, row = y.reshape(-1, config.lanes), config.heads * config.parts
    return {"o": {"y": beats, "last": (np.arange(len(beats)) % row == row - 1).astype(np.int64)}}


def tokens(jobs: Beats) -> Beats:
    """Give a job for each token: a block's tokens come one after the other."""
    more = jobs.get("more", np.zeros_like(jobs["position"]))
    each = np.repeat(np.arange(len(more)), more + 1)
    place = np.arange(len(each)) - np.repeat(np.cumsum(more + 1) - more - 1, more + 1)
    found = {name: field[each] for name, field in jobs.items() if name != "more"}
    return found | {"position": found["position"] + place}


def score(config: KvAttentionConfig, jobs: Beats, job: int, q: Ints, keys: Ints) -> Ints:
    """Give a job's scores (heads, tokens)."""
    dots = np.einsum("gsd,tgd->gst", q.reshape(config.kv_heads, config.share, -1), keys)
    return requantise(config.scorer, dots, *_scale(config, jobs, job, "score")).reshape(config.heads, -1)


def _scale(config: KvAttentionConfig, jobs: Beats, job: int, name: str) -> tuple[Ints, Ints]:
    """Give a job's multiplier and right shift."""
    return jobs[f"{name}_multiplier"][job], config.shift_min + jobs[f"{name}_shift"][job]


def probabilities(config: KvAttentionConfig, scores: Ints) -> Ints:
    """Turn rows of scores (heads, tokens) into probabilities."""
    heads, count = scores.shape
    words = -(-count // config.tokens)
    rows, keep = np.zeros((2, heads, words * config.tokens), np.int64)
    rows[:, :count], keep[:, :count] = scores, 1  # what a row's last word has beyond that is masked
    last = np.tile(np.arange(words) == words - 1, heads).astype(np.int64)
    beats = {"score": rows.reshape(-1, config.tokens), "keep": keep.reshape(-1, config.tokens), "last": last}
    return softmax(config.softmax, {"i": beats})["o"]["p"].reshape(heads, -1)[:, :count]
