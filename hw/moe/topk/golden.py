# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the selection: a stable sort."""

import numpy as np

from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats
from gatewright.hw.moe.topk.config import TopkConfig


def golden(config: TopkConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Sort all rows at once: by row, then from the greatest score down, then by place."""
    beats = inputs["i"]
    ends = np.flatnonzero(beats["last"]) + 1
    starts = np.concatenate(([0], ends[:-1]))
    whole = int(ends[-1]) if len(ends) else 0
    row = np.repeat(np.arange(len(ends)), ends - starts)
    order = best_first(beats["score"][:whole], row)
    rank = np.arange(whole) - starts[row]  # a row keeps its places in the sorted order
    chosen = order[rank < config.k]
    found = {"score": beats["score"][chosen], "id": (np.arange(whole) - starts[row])[chosen]}
    if config.tag_bits:
        found["tag"] = beats["tag"][chosen]
    left = np.minimum(ends - starts, config.k)
    last = np.zeros(len(chosen), np.int64)
    last[np.cumsum(left) - 1] = 1
    return {"o": found | {"last": last}}


def best_first(score: Ints, row: Ints) -> Ints:
    """Give the order that sorts by row, then from the greatest score down; equal scores stay in order."""
    return np.lexsort((-score, row))
