# SPDX-License-Identifier: BSD-2-Clause
"""Exponentials as mantissa and exponent, aligned to the greatest exponent: nothing waits for the maximum.

Shifts are products with a power of two, of which a hardware multiplier makes one each.
"""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value

from gatewright.hw.nonlinear.softmax.config import SoftmaxConfig
from gatewright.hw.nonlinear.softmax.front import below, enter, finish, leave, scaled
from gatewright.hw.nonlinear.softmax.parts import Division, Flow, RowBuffer, add, divide, hold, lookup, maximum


def build(m: Module, config: SoftmaxConfig, i: Any, o: Any) -> None:
    """Build both segments."""
    plan, levels = config.plan, config.levels
    part = config.schedule.segments[0]
    first, second = Flow(m), Flow(m)

    beat = enter(m, config, first, i)
    numbers = [_number(config, first, value, keep) for value, keep in zip(beat.index, beat.keep, strict=True)]
    exponents, mantissas = [exponent for _, exponent in numbers], [mantissa for mantissa, _ in numbers]
    valid, end = first.mark(beat.valid, "valid", 2), first.mark(beat.end, "end", 2)
    two_pass = config.algorithm == "two_pass"
    # Without a division a result of 1 or more saturates, any other is a mantissa shifted right: what is then
    # below half a unit need not be stored.
    spare = 0 if two_pass else plan.fraction_bits - config.out_bits
    fields = {f"m{lane}": value[spare:] for lane, value in enumerate(mantissas)}
    fields |= {f"n{lane}": first(value, "exponent") for lane, value in enumerate(exponents)} | {"end": end}
    stored = RowBuffer(m, fields, part.depth, part.limited, "numbers")
    full, pushes = stored.full & valid, valid

    best, highest = Signal(len(exponents[0])), Signal(len(exponents[0]))
    m.d.comb += highest.eq(maximum(best, first.tree(exponents, maximum, "best")))
    valid, end = first.mark(valid, "valid", levels - 1), first.mark(end, "end", levels - 1)
    with m.If(first.enable & valid):
        m.d.sync += best.eq(Mux(end, 0, highest))
    inverse, before = first(~highest, "inverse"), first(best, "before")
    places = plan.fraction_bits + 1
    e = [
        shift(first, places, first(mantissa, "mantissa", levels + 2),
              below(first, inverse, first(exponent, "exponent", levels + 1)), places, plan.fraction_bits + 2)
        for mantissa, exponent in numbers
    ]  # fmt: skip

    total, later = Signal(plan.sum_bits), Signal(plan.sum_bits)
    valid, end = first.mark(valid, "valid", 4 + levels), first.mark(end, "end", 4 + levels)
    step = first(below(first, inverse, before), "step", 2 + levels)
    m.d.comb += later.eq((total >> step) + first.tree(e, add, "sum"))
    with m.If(first.enable & valid):
        m.d.sync += total.eq(Mux(end, 0, later))

    taken, start = Signal(), Signal()
    m.d.comb += start.eq(end & ~full)
    beside = {"inverse": first(inverse, "inverse", 3 + levels)}
    if two_pass:
        one = Const(1 << plan.fraction_bits)
        share = divide(m, config.dividers, (one, later), plan.quotient_bits, start, beside, taken)
        fields = {"reciprocal": share.quotient} | share.fields
    else:
        share = _power(m, config, later, beside["inverse"], start, taken)
        fields = share.fields

    take, frees = Signal(), Signal()
    row, free = hold(m, share.valid, fields, frees, "row")
    m.d.comb += [
        first.enable.eq(~(end & ~share.ready) & ~full), stored.push.eq(pushes & first.enable), taken.eq(free),
        take.eq(row.valid & second.enable), frees.eq(take & stored.fields["end"]),
    ]  # fmt: skip
    stored.connect(take)
    drop, bits = (places, places + 1) if two_pass else (config.out_bits + 1, config.out_bits + 2)  # half a unit is last
    places = places if two_pass else bits
    e = [
        shift(second, places, second(stored.fields[f"m{lane}"], "mantissa", 2),
              below(second, row.fields["inverse"], stored.fields[f"n{lane}"]), drop, bits)
        for lane in range(config.lanes)
    ]  # fmt: skip
    if two_pass:
        reciprocal = second(row.fields["reciprocal"], "reciprocal", 3)
        e = [scaled(second, config, value, reciprocal) for value in e]
    leave(m, config, second, o, e)
    finish(m, second, o, take, frees, 5 if two_pass else 4)


def _number(config: SoftmaxConfig, flow: Flow, index: Value, keep: Value | None) -> tuple[Value, Value]:
    """Give a mantissa after two registers, its exponent after one."""
    table = config.plan.floating
    assert table is not None
    low, high = index[: table.low_bits], index[table.low_bits :]
    exponent = lookup([n for _, n in table.high], high) + lookup([n for _, n in table.low], low)
    bits = (table.high[-1][1] + table.low[-1][1]).bit_length()
    mantissa = flow.clear(lookup([m for m, _ in table.high], high), keep, "high") * flow(
        lookup([m for m, _ in table.low], low), "low"
    )
    return flow(mantissa[table.drop :], "mantissa"), flow.clear(exponent[:bits], keep, "exponent")


def shift(flow: Flow, places: int, value: Value, distance: Value, drop: int, bits: int) -> Value:
    """Give ``bits`` bits of ``value << places >> distance >> drop``, 0 if ``distance`` exceeds ``places``.

    ``distance`` comes a register earlier than ``value``; a register follows the product.
    """
    power = flow(Cat(distance == place for place in reversed(range(places + 1))), "power")
    return flow((value * power)[drop : drop + bits], "shifted")


def _power(m: Module, config: SoftmaxConfig, total: Value, inverse: Value, start: Value, taken: Value) -> Division:
    """Take the sum for a power of two: the one below, or the one above from 1.375 times that on."""
    fraction = config.plan.fraction_bits
    valid, kept = Signal(name="total_valid"), Signal(len(total), name="total_kept", reset_less=True)
    top = Signal(len(inverse), name="total_top", reset_less=True)
    ready = ~valid | taken
    with m.If(ready):
        m.d.sync += [valid.eq(start), kept.eq(total), top.eq(~inverse)]
    power: Value = Const(0, 1)
    for place in range(len(total) - fraction):
        one = fraction + place
        above = kept[one - 1] | (kept[one - 2] & kept[one - 3])
        power = Mux(kept[one], place + above, power)
    return Division(ready, valid, Const(0, 1), {"inverse": ~(top + power)})
