# SPDX-License-Identifier: BSD-2-Clause
"""One pass for maximum and sum, which shrinks whenever the maximum grows; one for the results."""

from typing import Any

from amaranth import Const, Module, Mux, Signal

from gatewright.hw.nonlinear.softmax.config import SoftmaxConfig
from gatewright.hw.nonlinear.softmax.front import (
    below,
    elements,
    enter,
    exponential,
    finish,
    leave,
    scaled,
    store,
)
from gatewright.hw.nonlinear.softmax.parts import Flow, add, divide, hold, maximum


def build(m: Module, config: SoftmaxConfig, i: Any, o: Any) -> None:
    """Build both segments."""
    plan, levels = config.plan, config.levels
    assert plan.falling is not None
    first, second = Flow(m), Flow(m)

    # The maximum runs ahead of the sum: when an exponential arrives there, how the sum shrinks is known.
    beat = enter(m, config, first, i)
    scores = store(m, config, beat)
    full = scores.full & beat.valid
    best, highest = Signal(config.score_bits), Signal(config.score_bits)
    m.d.comb += highest.eq(maximum(best, first.tree(beat.index, maximum, "best")))
    valid, end = first.mark(beat.valid, "valid", levels), first.mark(beat.end, "end", levels)
    with m.If(first.enable & valid):
        m.d.sync += best.eq(Mux(end, 0, highest))
    inverse = first(~highest, "inverse")
    e = [
        exponential(first, plan.falling, below(first, inverse, first(index, "index", levels + 1)),
                    None if keep is None else first(keep, "keep", levels + 2))
        for index, keep in zip(beat.index, beat.keep, strict=True)
    ]  # fmt: skip
    shrink = first(exponential(first, plan.falling, below(first, inverse, first(best, "before"))), "shrink", levels)

    total, later = Signal(plan.sum_bits), Signal(plan.sum_bits)
    valid, end = first.mark(valid, "valid", 4 + levels), first.mark(end, "end", 4 + levels)
    m.d.comb += later.eq((total * shrink)[plan.fraction_bits :] + first.tree(e, add, "sum"))
    with m.If(first.enable & valid):
        m.d.sync += total.eq(Mux(end, 0, later))

    take, frees, taken = Signal(), Signal(), Signal()
    quotient = divide(
        m, config.dividers, (Const(1 << plan.fraction_bits), later), plan.quotient_bits, end & ~full,
        {"inverse": first(inverse, "inverse", 3 + levels)}, taken,
    )  # fmt: skip
    fields = {"reciprocal": quotient.quotient} | quotient.fields
    row, free = hold(m, quotient.valid, fields, frees, "row")
    m.d.comb += [
        first.enable.eq(~(end & ~quotient.ready) & ~full), scores.push.eq(beat.valid & first.enable),
        taken.eq(free), take.eq(row.valid & second.enable), frees.eq(take & scores.fields["end"]),
    ]  # fmt: skip
    scores.connect(take)
    reciprocal = second(row.fields["reciprocal"], "reciprocal", 3)
    e = elements(second, config, scores, row.fields["inverse"])
    leave(m, config, second, o, [scaled(second, config, value, reciprocal) for value in e])
    finish(m, second, o, take, frees, 5)
