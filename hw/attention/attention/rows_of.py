# SPDX-License-Identifier: BSD-2-Clause
"""Sequences cut from streams, and their scores: what golden model and timing have in common."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats
from gatewright.hw.quantise.requantise.golden import requantise


def sequences(config: Any, beats: Beats) -> Ints:
    """Give elements as (sequences, tokens, heads, head_dim); a sequence without its end is left out."""
    size = config.tokens * config.words
    whole = len(beats["x"]) // size * size
    return beats["x"][:whole].reshape(-1, config.tokens, config.heads, config.head_dim)


def score_rows(config: Any, inputs: Mapping[str, Beats]) -> Ints:
    """Give scores as (sequences, queries, heads, keys), keys in natural order."""
    q, k = sequences(config, inputs["i_q"]), sequences(config, inputs["i_k"])
    dots = np.einsum("sqhd,skhd->sqhk", q, k, optimize=True)
    return requantise(config.scorer, dots, *scale(config, inputs, "score", len(q)))


def scale(config: Any, inputs: Mapping[str, Beats], name: str, count: int) -> tuple[Ints, Ints]:
    """Give multiplier and right shift of each sequence, ready to be broadcast against four axes."""
    beats = inputs["i_scale"]
    multiplier = beats[f"{name}_multiplier"][:count]
    code = beats.get(f"{name}_shift", np.zeros_like(beats["score_multiplier"]))[:count]
    shape = (-1, 1, 1, 1)
    return multiplier.reshape(shape), (config.shift_min + code).reshape(shape)
