# SPDX-License-Identifier: BSD-2-Clause
"""Activation functions as kernels: a frame is a beat."""

from gatewright.hls_kernels.block import Builder
from gatewright.hls_kernels.expr import Expr, Int, lift, minimum, mux, type_of
from gatewright.hls_kernels.kernel import Kernel, Recipe, new_builder, port
from gatewright.hls_kernels.requantise import frames, streams
from gatewright.hw.elementary.plan import Plan, Table
from gatewright.hw.nonlinear.activation import edge_moe
from gatewright.hw.nonlinear.activation.config import ActivationConfig
from gatewright.hw.nonlinear.activation.plan import Symmetry


def make(config: ActivationConfig) -> Kernel:
    """Write the kernel of a config."""
    inputs, outputs = (config.inputs[0].field("x"),), (config.outputs[0].field("y"),)
    builder = new_builder((*inputs, *outputs))
    x = port(inputs[0])
    y = builder.map(
        "codes", config.lanes, Int(config.out_bits, config.out_signed), lambda lane: apply(builder, config, x[lane])
    )
    summary = f"Apply {config.function} to codes, method {config.method}."
    return Kernel(config.room, config.room, summary, inputs, outputs, builder.block, {"y": y})


def apply(builder: Builder, config: ActivationConfig, x: Expr) -> Expr:
    """Give the code of f(x)."""
    match config.method:
        case "table":
            index = (x + (1 << (config.in_bits - 1))).low_bits(config.in_bits)
            return builder.look_up("entry", config.codes.tolist(), index)
        case "edge_moe":
            return _edge_moe(builder, config, x)
    return builder.clamp("code", _symmetry(builder, config.symmetry, x), config.code_low, config.code_high)


def _symmetry(builder: Builder, plan: Symmetry, x: Expr) -> Expr:
    """One half of the function from a table or polynomials, the other from its mirror."""
    negative = builder.let("negative", x < 0)
    size = mux(negative, 0 if plan.kind == "positive" else -x, x)
    magnitude = builder.let("magnitude", size.low_bits(plan.in_bits if plan.wide else plan.in_bits - 1))
    if plan.kernel:
        part = polynomial(builder, plan.kernel, magnitude)
    else:
        words = [*plan.words, plan.top or 0] if plan.wide else list(plan.words)
        part = builder.look_up("part", words, magnitude)
    if plan.kind == "relu":
        total = mux(negative, 0, x) * plan.slope + plan.bias - part
    else:
        total = mux(negative, plan.turn - part if plan.kind == "reflect" else plan.turn, part)
    return builder.let("total", total >> plan.guard)


def polynomial(builder: Builder, plan: Plan, u: Expr) -> Expr:
    """Evaluate an integer piecewise polynomial; see `gatewright.hw.elementary.plan`."""
    u = builder.let("argument", u.low_bits(plan.arg_bits))
    d = builder.let("offset", u.low_bits(plan.offset_bits)) if plan.offset_bits else lift(0)
    total = _read(builder, "constant", plan.c0, u)
    if plan.product is not None:
        place = ((u >> plan.product.granule_bits) << plan.offset_bits) + d
        total = total + builder.look_up("product", plan.product.values, place)
    elif plan.c1 is not None:
        slope = _read(builder, "slope", plan.c1, u)
        if plan.c2 is not None:
            slope = slope + ((_read(builder, "curve", plan.c2, u) * d) >> plan.inner_drop)
        total = total + ((slope * d) >> plan.drop)
    wrapped = builder.let("wrapped", total.to(Int(plan.sum_bits, plan.signed)))
    return (wrapped >> plan.shift).to(Int(plan.out_bits, plan.signed))


def _read(builder: Builder, name: str, table: Table, u: Expr) -> Expr:
    return builder.look_up(name, table.values, u >> table.granule_bits)


def _edge_moe(builder: Builder, config: ActivationConfig, x: Expr) -> Expr:
    """relu(x) less an interpolated correction; behind the cut, relu alone."""
    magnitude = builder.let("magnitude", mux(x < 0, -x, x).low_bits(config.in_bits))
    relu = builder.let("relu", mux(x < 0, 0, x))
    entries = [*edge_moe.table(), 0, 0]
    at = builder.let("at", minimum(magnitude >> edge_moe.STEP_BITS, edge_moe.ENTRIES - 1).to(type_of(0, len(entries))))
    here = builder.look_up("here", entries, at)
    there = builder.look_up("there", entries[1:], at)
    offset = magnitude.low_bits(edge_moe.STEP_BITS) << (edge_moe.FRACTION_BITS - edge_moe.STEP_BITS)
    bent = builder.let("bent", (here << edge_moe.FRACTION_BITS) + offset * (there - here))
    return mux(magnitude >= edge_moe.CUT, relu, relu - (bent >> edge_moe.FRACTION_BITS))


RECIPE = Recipe(make, streams, frames)
