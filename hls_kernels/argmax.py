# SPDX-License-Identifier: BSD-2-Clause
"""Greatest element as a kernel: a frame is a packet of the longest length."""

from gatewright.hls_kernels.expr import Expr, Int, mux
from gatewright.hls_kernels.kernel import Kernel, Recipe, new_builder, port
from gatewright.hls_kernels.rows import ends
from gatewright.hw.core.ports import Beats, PayloadField
from gatewright.hw.nonlinear.argmax.config import ArgmaxConfig


def make(config: ArgmaxConfig) -> Kernel:
    """Write the kernel of a config."""
    inputs = (PayloadField("x", config.in_bits, True, (config.elements,)),)
    outputs = config.outputs[0].fields
    builder = new_builder((*inputs, *outputs))
    x = port(inputs[0])
    index = Int((config.elements - 1).bit_length())

    def step(i: Expr, best: tuple[Expr, ...]) -> tuple[Expr, ...]:
        value = builder.let("candidate", x[i])
        wins = builder.let("wins", value > best[1])  # only a strictly greater one: of equal ones the first
        return mux(wins, i, best[0]), mux(wins, value, best[1])

    at, value = builder.walk(
        config.elements, {"best_index": (index, 0), "best_value": (Int(config.in_bits, True), x[0])}, step
    )
    summary = "Find the greatest element; of equal ones the first."
    return Kernel(config.room, config.room, summary, inputs, outputs, builder.block, {"index": at, "value": value})


def streams(config: ArgmaxConfig, frames: Beats) -> dict[str, Beats]:
    """Send a frame as a packet."""
    x = frames["x"].reshape(-1, config.lanes)
    return {"i": {"x": x, "last": ends(len(x), config.beats)}}


def frames(config: ArgmaxConfig, outputs: dict[str, Beats]) -> Beats:
    """Read a beat as a frame."""
    return outputs["o"]


RECIPE = Recipe(make, streams, frames)
