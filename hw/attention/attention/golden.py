# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the attention engine: integer scores, the softmax's own golden model, integer sums."""

import numpy as np

from gatewright.hw.attention.attention.config import AttentionConfig
from gatewright.hw.attention.attention.rows_of import scale, score_rows, sequences
from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats
from gatewright.hw.nonlinear.softmax.golden import golden as softmax
from gatewright.hw.quantise.requantise.golden import requantise


def golden(config: AttentionConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Attend within every whole sequence."""
    v = sequences(config, inputs["i_v"])
    p = probabilities(config, score_rows(config, inputs))
    sums = np.einsum("sqhk,skhd->sqhd", p, v, optimize=True)
    y = requantise(config.finisher, sums, *scale(config, inputs, "out", len(v))).reshape(-1, config.lanes)
    last = np.arange(len(y)) % config.words == config.words - 1
    return {"o": {"y": y, "last": last.astype(np.int64)}}


def probabilities(config: AttentionConfig, scores: Ints) -> Ints:
    """Turn scores (sequences, queries, heads, keys) into probabilities.

    A softmax that rounds as it goes depends on the order of its row: query q meets the keys r, r + 1, ..,
    tokens - 1, 0, .., r - 1, where r = q mod parallel.
    """
    query, key = np.ogrid[: config.tokens, : config.tokens]
    order = np.broadcast_to(((query % config.parallel + key) % config.tokens)[:, np.newaxis], scores.shape)
    rows = np.take_along_axis(scores, order, -1).reshape(-1, 1)
    last = np.tile(np.arange(config.tokens) == config.tokens - 1, len(rows) // config.tokens).astype(np.int64)
    turned = softmax(config.softmax, {"i": {"score": rows, "last": last}})["o"]["p"].reshape(scores.shape)
    p = np.empty_like(turned)
    np.put_along_axis(p, order, turned, -1)
    return p
