# SPDX-License-Identifier: BSD-2-Clause
"""Scales per output and group of inputs: a multiplier per output, and sums over the groups."""

from typing import Any

from amaranth import Module, Mux, Shape, Signal, Value
from amaranth.lib import stream
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.memory import Memory

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.ternary.ternary_matvec.config import TernaryMatvecConfig


def scale_groups(m: Module, config: TernaryMatvecConfig, sums: Any, scales: Any) -> stream.Interface:
    """Give sums of scaled groups, two cycles after the last group's sums.

    The first stage multiplies and reads what earlier groups gave; the second adds. What it gives is in
    the memory for reads three cycles after the read before: where sweeps of one or two beats follow
    each other, they take it from the pipeline instead.
    """
    bits, count, vectors = config.sum_bits, config.outputs_per_cycle, config.vectors
    shape = ArrayLayout(ArrayLayout(Shape(bits, True), count), vectors)
    o = stream.Signature(StructLayout({"y": shape, "last": 1})).create()
    pipe, fire, first = Pipe(m), Signal(), Signal(init=1)
    depth = max(2, config.engine.sweep_max)
    slot = Signal(range(depth))
    m.d.comb += [
        pipe.enable.eq(~o.valid | o.ready), fire.eq(sums.valid & scales.valid),
        sums.ready.eq(pipe.enable & scales.valid), scales.ready.eq(pipe.enable & sums.valid),
    ]  # fmt: skip
    with m.If(pipe.enable & fire):
        m.d.sync += slot.eq(Mux(sums.payload.last, 0, slot + 1))
        with m.If(sums.payload.last):
            m.d.sync += first.eq(scales.payload.final)

    flags = [fire]  # entry k tells that stage k holds a beat
    for stage in range(2 + config.scales_overtake):
        flags.append(Signal(name=f"scaled_{stage}"))
        with m.If(pipe.enable):
            m.d.sync += flags[-1].eq(flags[-2])
    slots = [pipe(slot, "slot", stage) for stage in range(1, 3 + config.scales_overtake)]
    with m.If(pipe.enable):
        m.d.sync += o.valid.eq(flags[1] & pipe(scales.payload.final, "final"))
    m.d.comb += o.payload.last.eq(pipe(sums.payload.last, "last", 2))

    total = Signal(bits * count * vectors)
    m.submodules.scaled = memory = Memory(shape=len(total), depth=depth, init=[])
    read, write = memory.read_port(), memory.write_port()
    m.d.comb += [
        read.addr.eq(slot), read.en.eq(pipe.enable),
        write.addr.eq(slots[1]), write.data.eq(total), write.en.eq(pipe.enable & flags[2]),
        total.eq(o.payload.y.as_value()),
    ]  # fmt: skip
    earlier: Value = read.data
    if config.scales_overtake:
        earlier = Mux(flags[3] & (slots[2] == slots[0]), pipe(total, "total"), earlier)
        earlier = Mux(flags[2] & (slots[1] == slots[0]), total, earlier)
    earlier = Mux(pipe(first, "first"), 0, earlier)
    for vector in range(vectors):
        for output in range(count):
            name = f"{vector}_{output}"
            product = pipe(sums.payload.y[vector][output] * scales.payload.scale[output], f"product_{name}")
            before = earlier.word_select(vector * count + output, bits).as_signed()
            added = (before + product)[:bits].as_signed()
            m.d.comb += o.payload.y[vector][output].eq(pipe(added, f"scaled_{name}"))
    return o
