# SPDX-License-Identifier: BSD-2-Clause
"""Requantiser as a kernel: a frame is a beat."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gatewright.hls_kernels.block import Builder
from gatewright.hls_kernels.expr import Expr, Int, lift, minimum, mux
from gatewright.hls_kernels.kernel import Kernel, Recipe, new_builder, port
from gatewright.hw.core.ports import Beats
from gatewright.hw.quantise.requantise.config import RequantiseConfig


def make(config: RequantiseConfig) -> Kernel:
    """Write the kernel of a config."""
    inputs = tuple(field for field in config.inputs[0].fields if field.name != "last")
    outputs = (config.outputs[0].field("q"),)
    builder = new_builder((*inputs, *outputs))
    ports = {field.name: port(field) for field in inputs}

    def scale(name: str, lane: Expr) -> Expr:
        found = ports.get(name, lift(0))
        return found if isinstance(found, Expr) else found[lane]

    q = builder.map(
        "quantised", config.lanes, Int(config.out_bits, config.out_signed),
        lambda lane: rescale(builder, config, ports["acc"][lane], scale("multiplier", lane), scale("shift", lane)),
    )  # fmt: skip
    return Kernel(
        config.room, config.room, "Scale, round, offset and saturate accumulators.", inputs, outputs, builder.block,
        {"q": q},
    )  # fmt: skip


def rescale(builder: Builder, config: RequantiseConfig, acc: Expr, multiplier: Expr, code: Expr) -> Expr:
    """Give one activation."""
    product = builder.let("product", acc * multiplier)
    shift = builder.let("distance", code * config.shift_step + config.shift_min)
    scaled = builder.let("scaled", ROUNDINGS[config.contract](builder, config, product, shift))
    return builder.clamp("offset", scaled + config.zero_point, config.clamp_low, config.code_high)


def _half(shift: Expr, most: int) -> Expr:
    """Give half a unit of the result; 0 where nothing is shifted."""
    return lift(1).shift_left(shift, most) >> 1


def _half_up(builder: Builder, config: RequantiseConfig, product: Expr, shift: Expr) -> Expr:
    return (product + _half(shift, config.shift_max)) >> shift


def _half_even(builder: Builder, config: RequantiseConfig, product: Expr, shift: Expr) -> Expr:
    """Just below half a unit rounds ties down; an odd quotient's last bit makes that half a unit."""
    odd = (product >> shift).to(Int(1))
    below = _half(shift, config.shift_max) - 1 + odd
    return (product + mux(shift.equals(0), 0, below)) >> shift


def _gemmlowp(builder: Builder, config: RequantiseConfig, product: Expr, shift: Expr) -> Expr:
    half = 1 << (config.fraction_bits - 1)
    nudged = builder.let("nudged", product + mux(product < 0, 1 - half, half))
    away = builder.let("away", mux(nudged < 0, -nudged, nudged) >> config.fraction_bits)
    high = builder.let("high", minimum(mux(nudged < 0, -away, away), (1 << 31) - 1))
    mask = builder.let("mask", (lift(1).shift_left(shift, config.shift_max) - 1).to(Int(config.shift_max + 1)))
    rest = builder.let("rest", high.to(Int(config.shift_max + 1)) & mask)
    return (high >> shift) + (rest > (mask >> 1) + (high < 0))


ROUNDINGS: dict[str, Callable[[Builder, RequantiseConfig, Expr, Expr], Expr]] = {
    "onnx": _half_even,
    "half_up": _half_up,
    "gemmlowp": _gemmlowp,
}


def with_last(frames: Beats) -> Beats:
    """Let every frame be a packet of one beat."""
    count = len(next(iter(frames.values())))
    return {**frames, "last": np.ones(count, np.int64)}


def streams(config: Any, frames: Beats) -> dict[str, Beats]:
    """Send a frame as a beat."""
    return {"i": with_last(frames)}


def frames(config: Any, outputs: dict[str, Beats]) -> Beats:
    """Read a beat as a frame."""
    return {name: column for name, column in outputs["o"].items() if name != "last"}


RECIPE = Recipe(make, streams, frames)
