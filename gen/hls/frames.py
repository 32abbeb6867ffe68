# SPDX-License-Identifier: BSD-2-Clause
"""Frames to try a kernel with, and what the room's golden model makes of them."""

from importlib import import_module

import numpy as np

from gatewright.gen.design import Design
from gatewright.hls_kernels.catalogue import recipe_of
from gatewright.hls_kernels.kernel import Kernel
from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats, PayloadField

KINDS = ("random", "small", "corner", "same")


def stimulus(kernel: Kernel, count: int, seed: int = 1) -> Beats:
    """Draw frames: whole range, near zero, ends of the range, one number throughout.

    The first frames are the least and the greatest values and zeros.
    """
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, len(KINDS), count)
    return {field.name: _draw(kernel, field, kinds, rng) for field in kernel.inputs}


def _draw(kernel: Kernel, field: PayloadField, kinds: Ints, rng: np.random.Generator) -> Ints:
    low, high = kernel.range_of(field)
    shape = (len(kinds), *field.shape)
    zero = min(max(0, low), high)
    ends = np.array([low, high, zero, min(zero + 1, high), max(zero - 1, low)])
    near = max((high - low) >> 6, 1)
    drawn = {
        "random": rng.integers(low, high, shape, endpoint=True),
        "small": np.clip(zero + rng.integers(-near, near, shape, endpoint=True), low, high),
        "corner": ends[rng.integers(0, len(ends), shape)],
        "same": np.broadcast_to(rng.integers(low, high, (len(kinds), *[1] * len(field.shape)), endpoint=True), shape),
    }
    found = np.choose(kinds.reshape(-1, *[1] * len(field.shape)), [drawn[kind] for kind in KINDS])
    found[:3] = np.array([low, high, zero])[: len(found)].reshape(-1, *[1] * len(field.shape))
    return found.astype(np.int64)


def expected(design: Design, frames: Beats) -> Beats:
    """Ask the room's golden model."""
    recipe = recipe_of(design.room.name)
    golden = import_module(f"{design.room.path}.golden").golden
    found: Beats = recipe.frames(design.config, golden(design.config, recipe.streams(design.config, frames)))
    return found
