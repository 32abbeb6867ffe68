# SPDX-License-Identifier: BSD-2-Clause
"""Softmax as a kernel: a frame is a row of the greatest length."""

from gatewright.hls_kernels.block import Builder
from gatewright.hls_kernels.expr import Expr, Int, Vector, lift, minimum, mux, type_of
from gatewright.hls_kernels.kernel import Kernel, Recipe, new_builder, port
from gatewright.hls_kernels.rows import beats_of, divide, ends, exponential, rows_of
from gatewright.hw.core.ports import Beats, PayloadField
from gatewright.hw.nonlinear.softmax.config import SoftmaxConfig


def make(config: SoftmaxConfig) -> Kernel:
    """Write the kernel of a config."""
    config.require(config.mask == "none", f"mask must be none for an HLS kernel, not {config.mask}")
    inputs = (PayloadField("score", config.score_bits, True, (config.capacity,)),)
    outputs = (PayloadField("p", config.out_bits, False, (config.capacity,)),)
    builder = new_builder((*inputs, *outputs))
    p = row(builder, config, port(inputs[0]), config.capacity)
    summary = f"Softmax of a row, algorithm {config.algorithm}."
    return Kernel(config.room, config.room, summary, inputs, outputs, builder.block, {"p": p})


def row(builder: Builder, config: SoftmaxConfig, score: Vector, length: int) -> Vector:
    """Give the probabilities of a row."""
    config.require(
        config.algorithm in ("exact", "online"),
        f"algorithm must be exact or online for an HLS kernel, not {config.algorithm}",
    )
    plan = config.plan
    assert plan.falling is not None
    table = plan.falling
    lowest = -(1 << (config.score_bits - 1))
    highest, total = (_exact if config.algorithm == "exact" else _online)(builder, config, score, length)
    reciprocal = divide(builder, "reciprocal", lift(1 << plan.fraction_bits), total, plan.quotient_bits)
    shift = plan.kept_bits + plan.quotient_bits - config.out_bits

    def probability(i: Expr) -> Expr:
        e = exponential(builder, "e", table, highest - score[i] + lowest)
        product = builder.let("product", (e >> (plan.fraction_bits - plan.kept_bits)) * reciprocal)
        return minimum((product + (1 << (shift - 1))) >> shift, (1 << config.out_bits) - 1)

    return builder.map("probabilities", length, Int(config.out_bits), probability)


def _exact(builder: Builder, config: SoftmaxConfig, score: Vector, length: int) -> tuple[Expr, Expr]:
    """Give the greatest score, counted from the least one, and the sum of exponentials below it."""
    table = config.plan.falling
    assert table is not None
    highest = _highest(builder, config, score, length)
    lowest = -(1 << (config.score_bits - 1))

    def add(i: Expr, total: Expr) -> Expr:
        return total + exponential(builder, "term", table, highest - score[i] + lowest)

    return highest, builder.fold("total", length, type_of(0, length << config.plan.fraction_bits), 0, add)


def _highest(builder: Builder, config: SoftmaxConfig, score: Vector, length: int) -> Expr:
    """The tables count from the least score."""
    least = 1 << (config.score_bits - 1)

    def higher(i: Expr, best: Expr) -> Expr:
        index = builder.let("index_here", (score[i] + least).low_bits(config.score_bits))
        return mux(index > best, index, best)

    return builder.fold("highest", length, Int(config.score_bits), 0, higher)


def _online(builder: Builder, config: SoftmaxConfig, score: Vector, length: int) -> tuple[Expr, Expr]:
    """The same, beat by beat: the sum shrinks by the exponential of the greatest score's step."""
    table, lanes, least = config.plan.falling, config.lanes, 1 << (config.score_bits - 1)
    assert table is not None

    def beat(i: Expr, state: tuple[Expr, ...]) -> tuple[Expr, Expr]:
        before, total = state

        def higher(lane: Expr, best: Expr) -> Expr:
            index = builder.let("index_here", (score[i * lanes + lane] + least).low_bits(config.score_bits))
            return mux(index > best, index, best)

        now = builder.fold("beat_highest", lanes, Int(config.score_bits), before, higher)
        shrink = exponential(builder, "shrink", table, now - before)

        def add(lane: Expr, part: Expr) -> Expr:
            return part + exponential(builder, "term", table, now - score[i * lanes + lane] - least)

        part = builder.fold("beat_total", lanes, type_of(0, lanes << config.plan.fraction_bits), 0, add)
        return now, ((total * shrink) >> config.plan.fraction_bits) + part

    states = {
        "highest": (Int(config.score_bits), 0), "total": (type_of(0, length << config.plan.fraction_bits), 0)
    }  # fmt: skip
    highest, total = builder.walk(length // lanes, states, beat)
    return highest, total


def streams(config: SoftmaxConfig, frames: Beats) -> dict[str, Beats]:
    """Send a frame as a row."""
    score = beats_of(frames["score"], config.lanes)
    return {"i": {"score": score, "last": ends(len(score), config.row_beats)}}


def frames(config: SoftmaxConfig, outputs: dict[str, Beats]) -> Beats:
    """Read a row as a frame."""
    return {"p": rows_of(outputs["o"]["p"], config.capacity, config.lanes)}


RECIPE = Recipe(make, streams, frames)
