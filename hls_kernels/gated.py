# SPDX-License-Identifier: BSD-2-Clause
"""Gated units (SwiGLU, GeGLU, squared ReLU) as kernels: a frame is a beat."""

from gatewright.hls_kernels import activation
from gatewright.hls_kernels.expr import Expr, Int
from gatewright.hls_kernels.kernel import Kernel, Recipe, new_builder, port
from gatewright.hls_kernels.requantise import frames, streams
from gatewright.hw.nonlinear.gated.config import GatedConfig


def make(config: GatedConfig) -> Kernel:
    """Write the kernel of a config."""
    inputs = (config.inputs[0].field("g"), config.inputs[0].field("u"))
    outputs = (config.outputs[0].field("h"),)
    builder = new_builder((*inputs, *outputs))
    g, u = (port(field) for field in inputs)
    limit = 1 << (config.out_bits - 1)

    def gate(lane: Expr) -> Expr:
        middle = builder.let("middle", activation.apply(builder, config.activation, g[lane]))
        product = builder.let("product", middle * u[lane])
        if config.shift == 0:
            return builder.clamp("rounded", product, -limit, limit - 1)
        below = 1 << (config.shift - 1)
        nudge = product + (below - 1) + product.bit(config.shift) if config.rounding == "half_even" else product + below
        return builder.clamp("rounded", nudge >> config.shift, -limit, limit - 1)

    h = builder.map("gated_lanes", config.lanes, Int(config.out_bits, True), gate)
    summary = f"Gate elements by {config.function}, one rounding ({config.rounding})."
    return Kernel(config.room, config.room, summary, inputs, outputs, builder.block, {"h": h})


RECIPE = Recipe(make, streams, frames)
