# SPDX-License-Identifier: BSD-2-Clause
"""Norms as kernels: a frame is a row with its gains, and biases if there are any."""

from gatewright.hls_kernels.block import Builder
from gatewright.hls_kernels.expr import Expr, Int, Vector, lift, mux, type_of
from gatewright.hls_kernels.kernel import Kernel, Recipe, new_builder, port
from gatewright.hls_kernels.rows import beats_of, divide, ends, rows_of, square_root
from gatewright.hw.core.ports import Beats, PayloadField
from gatewright.hw.nonlinear.norm.config import NormConfig


def make(config: NormConfig) -> Kernel:
    """Write the kernel of a config."""
    config.require(config.output == "static", f"output must be static for an HLS kernel, not {config.output}")
    shape = (config.elements,)
    x_field = PayloadField("x", config.in_bits, True, shape)
    affine = [PayloadField(field.name, field.bits, field.signed, shape) for field in config.inputs[1].fields]
    inputs, outputs = (x_field, *affine), (PayloadField("q", config.out_bits, True, shape),)
    builder = new_builder((*inputs, *outputs))
    ports = {field.name: port(field) for field in inputs}
    x = ports["x"]
    sums = _sums(builder, config, x)
    scale, shift = _scale(builder, config, sums)
    limit = 1 << (config.out_bits - 1)
    base = max(-config.unit_shift, 0)

    def element(i: Expr) -> Expr:
        centred = x[i] if config.kind == "rms" else x[i] * config.elements - sums[0]
        unit = builder.let("unit", ((centred * scale) << base) >> shift)
        total = unit * ports["weight"][i]
        if config.has_bias:
            total = total + (ports["bias"][i] << config.unit_fraction)
        rounded = (total + ((1 << config.result_shift) >> 1)) >> config.result_shift
        return builder.clamp("rounded", rounded, -limit, limit - 1)

    q = builder.map("normalised", config.elements, Int(config.out_bits, True), element)
    summary = "Divide a row by its root mean square." if config.kind == "rms" else "LayerNorm of a row."
    return Kernel(config.room, config.room, summary, inputs, outputs, builder.block, {"q": q})


def _sums(builder: Builder, config: NormConfig, x: Vector) -> tuple[Expr, Expr]:
    """Give the sum of the row and the radicand."""
    squares = builder.fold(
        "squares", config.elements, type_of(0, (config.elements << (2 * config.in_bits - 2)) + config.epsilon),
        config.epsilon, lambda i, total: total + x[i] * x[i],
    )  # fmt: skip
    if config.kind == "rms":
        return lift(0), squares
    total = builder.fold("row_sum", config.elements, Int(config.sum_bits, True), 0, lambda i, part: part + x[i])
    radicand = squares * config.elements - total * total  # a sum of squares of differences
    return total, builder.let("radicand", radicand.to(type_of(0, config.radicand_most)))


def _scale(builder: Builder, config: NormConfig, sums: tuple[Expr, Expr]) -> tuple[Expr, Expr]:
    """Give what elements are multiplied by, and how far the product is shifted right."""
    value, whole = sums[1], Int(2 * config.pairs)

    def look(_: Expr, state: tuple[Expr, ...]) -> tuple[Expr, Expr]:
        """Leave out a leading pair of zeros."""
        aligned, zeros = state
        empty = builder.let("empty", (aligned >> (2 * config.pairs - 2)).equals(0))
        return mux(empty, aligned << 2, aligned), zeros + empty

    most = config.pairs - 1
    aligned, zeros = builder.walk(most, {"aligned": (whole, value), "zeros": (type_of(0, most), 0)}, look)
    spare = config.root_bits - config.pairs
    head = aligned << (2 * spare) if spare >= 0 else aligned >> (-2 * spare)
    root = square_root(builder, "root", head.low_bits(2 * config.root_bits), config.root_bits)
    exponent = (config.root_steps - config.root_bits) - zeros
    some = builder.let("some", value >= config.radicand_least)  # else all numerators are zero
    exponent = builder.let("exponent", mux(some, exponent, 0).low_bits(max(config.exponent_bits, config.fine_bits)))
    extra = (1 << config.fine_bits) - 1
    # An empty row has the root 0, whose quotient nobody reads.
    quotient = divide(
        builder, "quotient", lift(config.numerator), mux(some, (root << 1) + 1, config.numerator),
        config.quotient_bits + extra,
    )  # fmt: skip
    fine = exponent.low_bits(config.fine_bits)
    scale = builder.let("scale", mux(some, quotient >> fine, 0).low_bits(config.scale_bits))
    coarse = (exponent >> config.fine_bits) << config.fine_bits
    return scale, builder.let("shift", (coarse + max(config.unit_shift, 0)).low_bits(10))


def streams(config: NormConfig, frames: Beats) -> dict[str, Beats]:
    """Send a frame as a row."""
    x = beats_of(frames["x"], config.lanes)
    affine = {name: beats_of(frames[name], config.lanes) for name in frames if name != "x"}
    return {"i": {"x": x, "last": ends(len(x), config.row_beats)}, "i_weight": affine}


def frames(config: NormConfig, outputs: dict[str, Beats]) -> Beats:
    """Read a row as a frame."""
    return {"q": rows_of(outputs["o"]["q"], config.elements, config.lanes)}


RECIPE = Recipe(make, streams, frames)
