# SPDX-License-Identifier: BSD-2-Clause
"""MAC arrays as kernels: a frame is a tile of activations and one of weights of the greatest depth."""

from gatewright.hls_kernels.expr import Expr, Int
from gatewright.hls_kernels.kernel import Kernel, Recipe, new_builder, port
from gatewright.hls_kernels.rows import ends
from gatewright.hw.core.ports import Beats, PayloadField
from gatewright.hw.mac.cube.config import CubeConfig


def _terms(config: CubeConfig) -> int:
    return config.beats_max * config.depth


def make(config: CubeConfig) -> Kernel:
    """Write the kernel of a config."""
    terms, cols = _terms(config), config.cols
    inputs = (
        PayloadField("a", config.act_bits, config.act_signed, (config.rows * terms,)),
        PayloadField("b", config.weight_bits, config.weight_signed, (terms * cols,)),
    )
    outputs = (PayloadField("sum", config.acc_bits, True, (config.rows * cols,)),)
    builder = new_builder((*inputs, *outputs))
    a, b = (port(field) for field in inputs)
    kind = Int(config.acc_bits, True)
    sums = builder.vector("sums", kind, config.rows * cols)

    def term(k: Expr) -> list[list[tuple[Expr | int, Expr]]]:
        writes: list[tuple[Expr | int, Expr]] = []
        for r in range(config.rows):
            left = builder.let("left", a[k + r * terms])
            for c in range(cols):
                at = r * cols + c
                writes.append((at, sums[at] + left * b[k * cols + c]))
        return [writes]

    builder.update(terms, [sums], [0], term)
    summary = f"Multiply a {config.rows} x {terms} tile by a {terms} x {cols} tile."
    return Kernel(config.room, config.room, summary, inputs, outputs, builder.block, {"sum": sums})


def streams(config: CubeConfig, frames: Beats) -> dict[str, Beats]:
    """Send a frame as a packet, ``depth`` terms a beat."""
    count, beats = len(frames["a"]), config.beats_max
    a = frames["a"].reshape(count, config.rows, beats, config.depth).transpose(0, 2, 1, 3)
    b = frames["b"].reshape(-1, config.depth, config.cols)
    return {"i": {"a": a.reshape(-1, config.rows, config.depth), "b": b, "last": ends(len(b), beats)}}


def frames(config: CubeConfig, outputs: dict[str, Beats]) -> Beats:
    """Read the rows of a tile as a frame."""
    return {"sum": outputs["o"]["sum"].reshape(-1, config.rows * config.cols)}


RECIPE = Recipe(make, streams, frames)
