# SPDX-License-Identifier: BSD-2-Clause
"""Three passes: maximum; exponentials and their sum; quotients."""

from typing import Any

from amaranth import Const, Module, Mux, Signal

from gatewright.hw.nonlinear.softmax.config import SoftmaxConfig
from gatewright.hw.nonlinear.softmax.front import elements, enter, finish, leave, scaled, store
from gatewright.hw.nonlinear.softmax.parts import Flow, RowBuffer, add, divide, hold, maximum


def build(m: Module, config: SoftmaxConfig, i: Any, o: Any) -> None:
    """Build the three segments."""
    plan, levels = config.plan, config.levels
    first, second, third = Flow(m), Flow(m), Flow(m)
    part = config.schedule.segments[1]

    beat = enter(m, config, first, i)
    scores = store(m, config, beat)
    best, highest = Signal(config.score_bits), Signal(config.score_bits)
    m.d.comb += highest.eq(maximum(best, first.tree(beat.index, maximum, "best")))
    valid, end = first.mark(beat.valid, "valid", levels), first.mark(beat.end, "end", levels)
    with m.If(first.enable & valid):
        m.d.sync += best.eq(Mux(end, 0, highest))
    full = scores.full & beat.valid

    # The row's maximum is known: read its scores again.
    take, frees = Signal(), Signal()
    row, free = hold(m, end & ~full, {"inverse": ~highest}, frees, "row")
    m.d.comb += [
        first.enable.eq(~(end & ~free) & ~full), scores.push.eq(beat.valid & first.enable),
        take.eq(row.valid & second.enable), frees.eq(take & scores.fields["end"]),
    ]  # fmt: skip
    scores.connect(take)
    e = elements(second, config, scores, row.fields["inverse"])
    stages = 2 + config.product_registers
    valid, end = second.mark(take, "valid", stages), second.mark(frees, "end", stages)
    powers = RowBuffer(
        m, {f"e{lane}": value for lane, value in enumerate(e)} | {"end": end}, part.depth, part.limited, "powers"
    )
    full, pushes = powers.full & valid, valid
    total, later = Signal(plan.sum_bits), Signal(plan.sum_bits)
    m.d.comb += later.eq(total + second.tree(e, add, "sum"))
    valid, end = second.mark(valid, "valid", levels), second.mark(end, "end", levels)
    with m.If(second.enable & valid):
        m.d.sync += total.eq(Mux(end, 0, later))

    # The sum is known: read the exponentials again.
    read, done, taken = Signal(), Signal(), Signal()
    quotient = divide(
        m, config.dividers, (Const(1 << plan.fraction_bits), later), plan.quotient_bits, end & ~full, {}, taken
    )
    share, free = hold(m, quotient.valid, {"reciprocal": quotient.quotient}, done, "share")
    m.d.comb += [
        second.enable.eq(~(end & ~quotient.ready) & ~full), powers.push.eq(pushes & second.enable), taken.eq(free),
        read.eq(share.valid & third.enable), done.eq(read & powers.fields["end"]),
    ]  # fmt: skip
    powers.connect(read)
    reciprocal = third(share.fields["reciprocal"], "reciprocal")
    products = [
        scaled(third, config, third(powers.fields[f"e{lane}"], "e"), reciprocal) for lane in range(config.lanes)
    ]
    leave(m, config, third, o, products)
    finish(m, third, o, read, done, 3)
