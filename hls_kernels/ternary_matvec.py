# SPDX-License-Identifier: BSD-2-Clause
"""Ternary matrix-vector products as kernels: a frame is a vector and a matrix of the greatest size.

With methods ``half``, ``full`` and ``bitplane`` a group's sums stand in a table that every output reads; with
``select`` and ``fold`` weights add, skip or subtract.
"""

from collections.abc import Sequence

from gatewright.hls_kernels.block import Builder
from gatewright.hls_kernels.expr import Expr, Int, Vector, lift, minimum, mux, type_of
from gatewright.hls_kernels.kernel import Kernel, Recipe, new_builder, port
from gatewright.hls_kernels.rows import ends
from gatewright.hw.core.ports import Beats, PayloadField
from gatewright.hw.ternary.ternary_matvec.config import TernaryMatvecConfig


def make(config: TernaryMatvecConfig) -> Kernel:
    """Write the kernel of a config."""
    _check(config)
    blocks, groups = config.blocks_max, config.groups
    outputs_padded = _sweep(config) * config.outputs_per_cycle
    inputs = (
        PayloadField("x", config.act_bits, True, (blocks * config.block,)),
        PayloadField("code", config.engine.code_bits, False, (blocks * outputs_padded * groups,)),
    )
    outputs = (PayloadField("y", config.sum_bits, True, (outputs_padded,)),)
    builder = new_builder((*inputs, *outputs))
    x, code = (port(field) for field in inputs)
    tables = _tables(builder, config, x) if config.engine.has_tables else None
    places = type_of(0, code.length - 1)

    def output(n: Expr) -> Expr:
        def add(group: Expr, total: Expr) -> Expr:
            """Groups are counted through all blocks; weights come block by block, then output by output."""
            if blocks == 1:
                place = n * groups + group
            else:
                block, rest = group >> _log2(groups), group.low_bits(max(_log2(groups), 1))
                place = (block * outputs_padded + n) * groups + (rest if groups > 1 else 0)
            word = builder.let("word", code[place.to(places)])
            if tables is None:
                return total + _selected(builder, config, x, group, word)
            return total + _looked_up(builder, config, tables, group, word)

        return builder.fold("total", blocks * groups, Int(config.sum_bits, True), 0, add)

    y = builder.map("sums", outputs_padded, Int(config.sum_bits, True), output)
    shape = f"{outputs_padded} x {blocks * config.block}"
    summary = f"Multiply a ternary matrix, {shape}, by a vector; method {config.method}."
    return Kernel(config.room, config.room, summary, inputs, outputs, builder.block, {"y": y})


def _check(config: TernaryMatvecConfig) -> None:
    wanted = {"vectors": 1, "packing": "engine", "scale_blocks": 0, "output": "sum"}
    for name, value in wanted.items():
        found = getattr(config, name)
        config.require(found == value, f"{name} must be {value} for an HLS kernel, not {found}")
    config.require(
        config.blocks_max == 1 or config.groups & (config.groups - 1) == 0,
        f"groups must be a power of two for an HLS kernel of several blocks, not {config.groups}",
    )


def _log2(number: int) -> int:
    return number.bit_length() - 1


def _sweep(config: TernaryMatvecConfig) -> int:
    return -(-config.outputs_max // config.outputs_per_cycle)


def _entries(config: TernaryMatvecConfig) -> list[tuple[int, ...]]:
    """Give the weights of a table's entries."""
    group = config.group
    if config.method == "bitplane":  # the first activation counts once, the others as a bit says
        return [(1, *(2 * (entry >> bit & 1) - 1 for bit in range(group - 1))) for entry in range(1 << (group - 1))]
    numbers = range(3**group // 2 + 1) if config.method == "half" else range(-(3**group // 2), 3**group // 2 + 1)
    return [_balanced(number, group) for number in numbers]


def _balanced(number: int, digits: int) -> tuple[int, ...]:
    """Write a number to base 3 with digits -1, 0, 1, the greatest first."""
    found = []
    for _ in range(digits):
        digit = (number + 1) % 3 - 1
        found.append(digit)
        number = (number - digit) // 3
    return tuple(reversed(found))


def _tables(builder: Builder, config: TernaryMatvecConfig, x: Vector) -> Vector:
    """Fill one array with the tables of all groups, each as long as a power of two."""
    entries = _entries(config)
    size = 1 << (len(entries) - 1).bit_length()
    groups = config.blocks_max * config.groups
    tables = builder.vector("tables", Int(config.act_bits + (config.group - 1).bit_length() + 1, True), groups * size)

    def fill(group: Expr) -> Sequence[Sequence[tuple[Expr | int, Expr]]]:
        terms = [builder.let(f"x{at}", x[group * config.group + at]) for at in range(config.group)]
        base = builder.let("base", group * size)
        return [[(base + number, _dot(terms, weights)) for number, weights in enumerate(entries)]]

    builder.update(groups, [tables], [0], fill, parallel=True)
    return tables


def _dot(terms: list[Expr], weights: tuple[int, ...]) -> Expr:
    total = lift(0)
    for term, weight in zip(terms, weights, strict=True):
        if weight:
            total = total + term if weight > 0 else total - term
    return total


def _looked_up(builder: Builder, config: TernaryMatvecConfig, tables: Vector, group: Expr, word: Expr) -> Expr:
    """Give a group's sum; codes that stand for no weights read zero."""
    entries = len(_entries(config))
    bits = (entries - 1).bit_length()
    base = builder.let("table", (group << bits).to(type_of(0, tables.length - 1)))

    def read(name: str, index: Expr) -> Expr:
        return builder.let(name, tables[(base + index).to(type_of(0, tables.length - 1))])

    match config.method:
        case "half":
            magnitude = builder.let("magnitude", word.low_bits(config.engine.address_bits))
            legal = magnitude <= entries - 1
            found = read("entry", minimum(magnitude, entries - 1))
            return mux(legal, mux(word.bit(config.engine.address_bits), -found, found), 0)
        case "full":
            return mux(word <= entries - 1, read("entry", minimum(word, entries - 1)), 0)
    planes = []
    for plane in range(2):
        bitmap = builder.let(f"plane{plane}", (word >> plane * config.group).low_bits(config.group))
        found = read(f"entry{plane}", bitmap.low_bits(config.group - 1))
        planes.append(mux(bitmap.bit(config.group - 1), -found, found))
    return (planes[0] + planes[1]) >> 1


def _selected(builder: Builder, config: TernaryMatvecConfig, x: Vector, group: Expr, word: Expr) -> Expr:
    """Add, skip or subtract: two bits an activation, sign above nonzero."""
    total = lift(0)
    for at in range(config.group):
        term = builder.let(f"x{at}", x[group * config.group + at])
        total = total + mux(word.bit(2 * at), mux(word.bit(2 * at + 1), -term, term), 0)
    return total


def streams(config: TernaryMatvecConfig, frames: Beats) -> dict[str, Beats]:
    """Send a frame as a product."""
    x = frames["x"].reshape(-1, 1, config.lanes)
    code = frames["code"].reshape(-1, config.outputs_per_cycle, config.groups)
    return {
        "i_x": {"x": x, "last": ends(len(x), config.blocks_max * config.block // config.lanes)},
        "i_w": {"code": code, "last": ends(len(code), _sweep(config))},
    }


def frames(config: TernaryMatvecConfig, outputs: dict[str, Beats]) -> Beats:
    """Read a product as a frame."""
    return {"y": outputs["o"]["y"].reshape(-1, _sweep(config) * config.outputs_per_cycle)}


RECIPE = Recipe(make, streams, frames)
