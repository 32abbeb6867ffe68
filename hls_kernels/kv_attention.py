# SPDX-License-Identifier: BSD-2-Clause
"""Attention of a token to a full cache as a kernel: queries meet keys, softmax, weighted sum of values."""

from typing import Any

import numpy as np

from gatewright.hls_kernels import softmax
from gatewright.hls_kernels.block import Builder
from gatewright.hls_kernels.expr import Expr, Int, Vector, type_of
from gatewright.hls_kernels.kernel import Kernel, Recipe, new_builder, port
from gatewright.hls_kernels.requantise import rescale
from gatewright.hls_kernels.rows import ends
from gatewright.hw.attention.kv_attention.config import SCALES, KvAttentionConfig
from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats, PayloadField


def make(config: KvAttentionConfig) -> Kernel:
    """Write the kernel of a config."""
    dim, kept = config.head_dim, config.context * config.kv_heads * config.head_dim
    job = config.inputs[0]
    inputs = (
        PayloadField("q", config.act_bits, True, (config.heads * dim,)),
        PayloadField("k", config.act_bits, True, (kept,)),
        PayloadField("v", config.act_bits, True, (kept,)),
        *(job.field(name) for name in SCALES),
    )
    outputs = (PayloadField("y", config.out_bits, True, (config.heads * dim,)),)
    builder = new_builder((*inputs, *outputs))
    ports = {field.name: port(field) for field in inputs}
    y = builder.vector("rows", Int(config.out_bits, True), config.heads * dim)

    def head(h: Expr) -> list[list[tuple[Expr | int, Expr]]]:
        group = h >> (config.share.bit_length() - 1) if config.share > 1 else h
        first = builder.let("first", (group * dim).to(type_of(0, config.kv_heads * dim - 1)))
        scores = _scores(builder, config, ports, h, first)
        p = softmax.row(builder, config.softmax, scores, config.context)
        sums = _sums(builder, config, ports, p, first)
        return [[(h * dim + at, sums[at]) for at in range(dim)]]

    builder.update(config.heads, [y], [0], head, parallel=True)
    summary = f"Attend from a token to {config.context} tokens: scores, softmax, weighted values."
    return Kernel(config.room, config.room, summary, inputs, outputs, builder.block, {"y": y})


def _scores(builder: Builder, config: KvAttentionConfig, ports: dict[str, Any], h: Expr, first: Expr) -> Vector:
    """Give the scores of a head's query with all keys."""
    q, k = ports["q"], ports["k"]
    multiplier, code = ports["score_multiplier"], ports["score_shift"]
    row = config.kv_heads * config.head_dim

    def score(token: Expr) -> Expr:
        start = builder.let("key", (token * row + first).to(type_of(0, k.length - 1)))

        def add(at: Expr, total: Expr) -> Expr:
            here = q[(h * config.head_dim + at).to(type_of(0, q.length - 1))]
            return total + here * k[(start + at).to(type_of(0, k.length - 1))]

        dot = builder.fold("dot", config.head_dim, Int(config.scorer.acc_bits, True), 0, add)
        return rescale(builder, config.scorer, dot, multiplier, code)

    return builder.map("scores", config.context, Int(config.score_bits, True), score)


def _sums(builder: Builder, config: KvAttentionConfig, ports: dict[str, Any], p: Vector, first: Expr) -> Vector:
    """Give the head's result: values weighted by probabilities."""
    v, multiplier, code = ports["v"], ports["out_multiplier"], ports["out_shift"]
    row, places = config.kv_heads * config.head_dim, type_of(0, v.length - 1)

    def result(at: Expr) -> Expr:
        def add(token: Expr, total: Expr) -> Expr:
            return total + p[token] * v[(token * row + first + at).to(places)]

        total = builder.fold("weighted", config.context, Int(config.finisher.acc_bits, True), 0, add)
        return rescale(builder, config.finisher, total, multiplier, code)

    return builder.map("results", config.head_dim, Int(config.out_bits, True), result)


def streams(config: KvAttentionConfig, frames: Beats) -> dict[str, Beats]:
    """Send a frame as ``context`` tokens, of which the last one asks."""
    count, context = len(frames["q"]), config.context
    row = config.heads * config.head_dim
    q = np.zeros((count, context, row), np.int64)
    q[:, -1] = frames["q"]
    job: Beats = {
        "layer": np.zeros(count * context, np.int64), "position": np.tile(np.arange(context), count),
        **{name: np.repeat(frames[name], context) for name in SCALES},
    }  # fmt: skip
    if config.queries > 1:
        job["more"] = np.zeros(count * context, np.int64)
    return {"i_job": job} | {
        port: _rows(x, config.lanes, heads * config.parts)
        for port, x, heads in (
            ("i_q", q, config.heads), ("i_k", frames["k"], config.kv_heads), ("i_v", frames["v"], config.kv_heads)
        )
    }  # fmt: skip


def _rows(x: Ints, lanes: int, row: int) -> Beats:
    beats = x.reshape(-1, lanes)
    return {"x": beats, "last": ends(len(beats), row)}


def frames(config: KvAttentionConfig, outputs: dict[str, Beats]) -> Beats:
    """Read the last token's row as a frame."""
    row = config.heads * config.head_dim
    return {"y": outputs["o"]["y"].reshape(-1, config.context, row)[:, -1]}


RECIPE = Recipe(make, streams, frames)
