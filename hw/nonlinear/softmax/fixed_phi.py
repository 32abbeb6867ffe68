# SPDX-License-Identifier: BSD-2-Clause
"""Exponentials relative to a preset score: the sum waits for nothing. Rows out of range are summed once more.

What the results are relative to is the row's maximum again, so the sum is divided into the
exponential of that maximum, and a sum made anew takes its place without further ado.
"""

from typing import Any

from amaranth import Const, Module, Mux, Signal, Value

from gatewright.hw.nonlinear.softmax.config import SoftmaxConfig
from gatewright.hw.nonlinear.softmax.front import Beat, elements, enter, exponential, finish, leave, scaled, store
from gatewright.hw.nonlinear.softmax.parts import Flow, Slot, add, divide, hold, maximum


def build(m: Module, config: SoftmaxConfig, i: Any, o: Any) -> None:
    """Build both segments."""
    plan = config.plan
    first, second = Flow(m), Flow(m)
    beat = enter(m, config, first, i)
    scores = store(m, config, beat)
    full = scores.full & beat.valid
    end, operands, beside = _statistics(m, config, first, beat)

    taken, frees, reads = Signal(), Signal(), Signal()
    share = divide(m, config.dividers, operands, plan.quotient_bits, end & ~full, beside, taken)
    row, free = hold(m, share.valid, {"reciprocal": share.quotient} | share.fields, frees, "row")
    again, waits = row.fields["again"], Signal(name="again_waits")
    take, ends = Signal(), Signal()
    m.d.comb += [
        first.enable.eq(~(end & ~share.ready) & ~full), scores.push.eq(beat.valid & first.enable), taken.eq(free),
        take.eq(row.valid & second.enable & ~waits), ends.eq(take & scores.fields["end"]),
        frees.eq(ends & ~again), reads.eq(take & ~again),
    ]  # fmt: skip
    scores.connect(take, ends & again, again)
    reciprocal = second(row.fields["reciprocal"], "reciprocal", 3)
    e = elements(second, config, scores, row.fields["inverse"])
    _repeat(m, config, second, row, (e, take & again, ends & again, waits))
    leave(m, config, second, o, [scaled(second, config, value, reciprocal) for value in e])
    finish(m, second, o, reads, frees, 5)


def _statistics(
    m: Module, config: SoftmaxConfig, flow: Flow, beat: Beat
) -> tuple[Value, tuple[Value, Value], dict[str, Value]]:
    """Find maximum and sum; give the row's end, the division, and what goes with it."""
    plan, levels = config.plan, config.levels
    assert plan.rising is not None
    best, highest = Signal(config.score_bits), Signal(config.score_bits)
    m.d.comb += highest.eq(maximum(best, flow.tree(beat.index, maximum, "best")))
    valid, end = flow.mark(beat.valid, "valid", levels), flow.mark(beat.end, "end", levels)
    with m.If(flow.enable & valid):
        m.d.sync += best.eq(Mux(end, 0, highest))
    top = flow(highest, "top")
    outside = (top < config.lowest) | (top > config.highest)

    e = [exponential(flow, plan.rising, index, keep) for index, keep in zip(beat.index, beat.keep, strict=True)]
    total = Signal(plan.front_bits + config.capacity.bit_length())
    later = Signal(len(total))
    valid, end = flow.mark(valid, "valid", 3), flow.mark(end, "end", 3)
    m.d.comb += later.eq(total + flow(flow.tree(e, add, "sum"), "sum"))
    with m.If(flow.enable & valid):
        m.d.sync += total.eq(Mux(end, 0, later))
    beside = {"inverse": flow(~top, "inverse", 2), "again": flow(outside, "outside", 2)}
    return end, (exponential(flow, plan.rising, top), later), beside


def _repeat(
    m: Module, config: SoftmaxConfig, flow: Flow, row: Slot, reading: tuple[list[Value], Value, Value, Signal]
) -> None:
    """Sum a row below its maximum, divide, and put the reciprocal in the place of the first one."""
    plan, levels = config.plan, config.levels
    e, take, ends, waits = reading
    total, later = Signal(plan.sum_bits), Signal(plan.sum_bits)
    valid, end = flow.mark(take, "valid", 3 + levels), flow.mark(ends, "end", 3 + levels)
    m.d.comb += later.eq(total + flow.tree(e, add, "sum"))
    with m.If(flow.enable & valid):
        m.d.sync += total.eq(Mux(end, 0, later))
    one = Const(1 << plan.fraction_bits)
    share = divide(m, 1, (one, later), plan.quotient_bits, end & flow.enable, {}, Const(1, 1), "again")
    with m.If(ends):
        m.d.sync += waits.eq(1)
    with m.If(share.valid):
        m.d.sync += waits.eq(0)
        m.d.sync += [row.fields["reciprocal"].eq(share.quotient), row.fields["again"].eq(0)]
