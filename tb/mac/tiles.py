# SPDX-License-Identifier: BSD-2-Clause
"""Stimulus for the arrays: packets of every length up to the longest."""

from typing import Any

import numpy as np

from gatewright.hw.core.ports import Beats
from gatewright.tb.harness.bench import default_stimulus


def tile_stimulus(config: Any, rng: np.random.Generator, kind: str, size: int) -> dict[str, Beats]:
    """Draw operands, and cut them into packets no longer than the accumulators allow.

    Lengths 1, 2 and the row count (where draining and computing just keep pace) come up often.
    Corner data starts with packets of the longest kind in which every product is extreme, so
    that the accumulators reach both ends of their range.
    """
    inputs = default_stimulus(config, rng, kind, size)
    beats = inputs["i"]
    longest = min(config.beats_max, size)
    if kind == "corners":
        _extremes(config, beats, longest)
    last = np.zeros(size, np.int64)
    end = -1
    while end < size - 1:
        likely = [1, 2, config.rows, config.rows + 1, longest, int(rng.integers(1, longest + 1))]
        length = longest if kind == "corners" and end < 4 * longest - 1 else int(rng.choice(likely))
        end = min(end + min(length, longest), size - 1)
        last[end] = 1
    beats["last"] = last
    return inputs


def _extremes(config: Any, beats: Beats, length: int) -> None:
    """Fill the first packets with each pair of operand extremes."""
    port = config.inputs[0]
    act, weight = port.field("a"), port.field("b")
    pairs = [(x, y) for x in (act.low, act.high) for y in (weight.low, weight.high)]
    for index, (x, y) in enumerate(pairs):
        span = slice(index * length, (index + 1) * length)
        beats["a"][span], beats["b"][span] = x, y
