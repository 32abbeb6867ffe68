# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the gathering width converter."""

import numpy as np

from gatewright.hw.core.ports import Beats
from gatewright.hw.dataflow.width_up.config import WidthUpConfig


def golden(config: WidthUpConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Cut every packet into words of ``factor``, the last one shorter; an unfinished word stays inside."""
    data, last = inputs["i"]["data"], inputs["i"]["last"]
    chunks: list[tuple[int, int, int]] = []  # start, end, last
    start = 0
    for end in range(1, len(data) + 1):
        if last[end - 1] or end - start == config.factor:
            chunks.append((start, end, int(last[end - 1])))
            start = end
    words = np.zeros((len(chunks), config.factor), dtype=data.dtype)
    for row, (first, end, _) in enumerate(chunks):
        words[row, : end - first] = data[first:end]
    return {
        "o": {
            "data": words,
            "count": np.array([end - first for first, end, _ in chunks], dtype=np.int64),
            "last": np.array([mark for _, _, mark in chunks], dtype=np.int64),
        }
    }
