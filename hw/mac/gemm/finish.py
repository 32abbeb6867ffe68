# SPDX-License-Identifier: BSD-2-Clause
"""From wide rows of sums to a requantiser: a few lanes at a time, with bias and scale."""

from collections.abc import Sequence
from typing import Any

from amaranth import Const, Module, Signal, Value


def next_lanes(m: Module, sums: Value, bits: int, groups: int, taken: Value) -> tuple[Signal, Value]:
    """Give the ``bits`` of a row that are next, and whether they are the last of its ``groups``.

    ``taken`` tells that they have been used.
    """
    lanes = Signal(bits)
    if groups == 1:
        m.d.comb += lanes.eq(sums)
        return lanes, Const(1, 1)
    group = Signal(range(groups))
    last = Signal()
    m.d.comb += last.eq(group == groups - 1)
    with m.If(taken):
        m.d.sync += group.eq(group + 1)
        with m.If(last):
            m.d.sync += group.eq(0)
    with m.Switch(group):
        for index in range(groups - 1):
            with m.Case(index):
                m.d.comb += lanes.eq(sums.word_select(index, bits))
        with m.Default():
            m.d.comb += lanes.eq(sums.word_select(groups - 1, bits))
    return lanes, last


def finish_lanes(m: Module, sink: Any, sums: Sequence[Value], param: Any, use: Value, done: Value | int) -> None:
    """Offer sums plus bias to a requantiser, with the scale that it takes; ``done`` frees the parameters' beat."""
    m.d.comb += [sink.valid.eq(use & param.valid), param.ready.eq(sink.valid & sink.ready & done)]
    for lane, value in enumerate(sums):
        m.d.comb += sink.payload.acc[lane].eq(value + param.payload.bias[lane])
    for name in ("multiplier", "shift"):
        if hasattr(param.payload, name):
            m.d.comb += getattr(sink.payload, name).eq(getattr(param.payload, name))
