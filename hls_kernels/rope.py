# SPDX-License-Identifier: BSD-2-Clause
"""Rotary positions as a kernel: a frame is a head and its position."""

import numpy as np

from gatewright.hls_kernels.expr import Expr, Int
from gatewright.hls_kernels.kernel import Kernel, Recipe, new_builder, port
from gatewright.hls_kernels.rows import beats_of, ends, rows_of
from gatewright.hw.attention.rope.config import RopeConfig
from gatewright.hw.core.ports import Beats, PayloadField


def make(config: RopeConfig) -> Kernel:
    """Write the kernel of a config."""
    position = config.inputs[0].field("position")
    inputs = (PayloadField("x", config.in_bits, True, (config.head_dim,)), position)
    outputs = (PayloadField("y", config.out_bits, True, (config.head_dim,)),)
    builder = new_builder((*inputs, *outputs))
    x, at = (port(field) for field in inputs)
    pairs, half = config.head_dim // 2, 1 << (config.right_shift - 1)
    cosines, sines = (builder.table(name, part.ravel().tolist(), Int(16, True))
                      for name, part in zip(("cosines", "sines"), config.table, strict=True))  # fmt: skip
    limit = 1 << (config.out_bits - 1)
    turned = builder.vector("turned", Int(config.out_bits, True), config.head_dim)

    def turn(pair: Expr) -> list[list[tuple[Expr | int, Expr]]]:
        place = builder.let("place", (at * pairs + pair).low_bits(max((config.context * pairs - 1).bit_length(), 1)))
        cos, sin = builder.let("cosine", cosines[place]), builder.let("sine", sines[place])
        a, b = builder.let("a", x[pair << 1]), builder.let("b", x[(pair << 1) + 1])
        real = builder.clamp("real", (a * cos - b * sin + half) >> config.right_shift, -limit, limit - 1)
        imaginary = builder.clamp("imaginary", (a * sin + b * cos + half) >> config.right_shift, -limit, limit - 1)
        return [[(pair << 1, real), ((pair << 1) + 1, imaginary)]]

    builder.update(pairs, [turned], [0], turn, parallel=True)
    return Kernel(
        config.room, config.room, "Turn the pairs of a head by its position.", inputs, outputs, builder.block,
        {"y": turned}, {"position": (0, config.context - 1)},
    )  # fmt: skip


def streams(config: RopeConfig, frames: Beats) -> dict[str, Beats]:
    """Send a frame as a head."""
    x = beats_of(frames["x"], config.lanes)
    position = np.repeat(frames["position"], config.parts)
    return {"i": {"x": x, "position": position, "last": ends(len(x), config.parts)}}


def frames(config: RopeConfig, outputs: dict[str, Beats]) -> Beats:
    """Read a head as a frame."""
    return {"y": rows_of(outputs["o"]["y"], config.head_dim, config.lanes)}


RECIPE = Recipe(make, streams, frames)
