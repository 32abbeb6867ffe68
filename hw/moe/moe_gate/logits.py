# SPDX-License-Identifier: BSD-2-Clause
"""The gate's linear layer: all experts at once while a token comes in, then one sum after the other."""

from typing import Any

from amaranth import Array, Cat, Const, Module, Mux, Shape, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.core.streams import layout
from gatewright.hw.moe.moe_gate.config import MoeGateConfig
from gatewright.hw.moe.moe_gate.weights import image


class Logits(wiring.Component):
    """Multiply tokens by the matrix of their gate.

    Members
    -------
    i : In(stream)
        ``x`` (lanes,), ``gate`` if there are several, ``last``.
    o : Out(stream)
        ``acc``, ``gate``, ``last``: a beat for each expert in ascending order.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: MoeGateConfig) -> None:
        self.config = config
        # Verilog knows no empty vector, so that even a single gate has a bit.
        members = {"acc": Shape(config.acc_bits, True), "gate": max(1, config.gate_bits), "last": 1}
        super().__init__({
            "i": In(stream.Signature(layout(config.inputs[0]))),
            "o": Out(stream.Signature(data.StructLayout(members))),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        """Sum in one set of registers, give from a second one; a token waits in the first while that one is busy."""
        m = Module()
        config, beat, pipe = self.config, self.i.payload, Pipe(m)
        whole, free = Signal(), Signal()  # the sums are a token's; the second set takes them
        m.d.comb += [pipe.enable.eq(~whole | free), self.i.ready.eq(pipe.enable)]

        depth = config.logit_stages - 1
        gate = beat.gate if config.gates > 1 else Const(0, 0)
        last, gate_along = pipe(beat.last, "last", depth), pipe(gate, "gate", depth)
        valid: Value = self.i.valid
        for _ in range(depth):
            earlier, valid = valid, Signal(name="valid")
            with m.If(pipe.enable):
                m.d.sync += valid.eq(earlier)

        fresh = Signal(init=1)  # the next beat starts a token
        sums = [Signal(Shape(config.acc_bits, True), name=f"sum_{k}", reset_less=True) for k in range(config.experts)]
        gate_summed = Signal(max(1, config.gate_bits), reset_less=True)
        parts = self._parts(m, pipe, gate)
        with m.If(pipe.enable):
            m.d.sync += whole.eq(valid & last)
            with m.If(valid):
                m.d.sync += [fresh.eq(last), gate_summed.eq(gate_along)]
                for total, part in zip(sums, parts, strict=True):
                    m.d.sync += total.eq(Mux(fresh, 0, total) + part)
        self._give(m, sums, gate_summed, whole, free)
        return m

    def _parts(self, m: Module, pipe: Pipe, gate: Value) -> list[Value]:
        """Give for every expert the sum of a beat's products."""
        config, beat = self.config, self.i.payload
        words = image(config.matrix, config.lanes)
        m.submodules.weights = memory = Memory(shape=8 * config.experts * config.lanes, depth=len(words), init=words)
        read = memory.read_port()
        place = Signal(range(config.beats))
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += place.eq(Mux(beat.last, 0, place + 1))
        starts = Array(Const(number * config.beats, range(len(words))) for number in range(config.gates))
        m.d.comb += [read.addr.eq(place + starts[gate]), read.en.eq(pipe.enable)]

        x = [pipe(element, "x") for element in beat.x]
        parts = []
        for expert in range(config.experts):
            row = read.data.word_select(expert, 8 * config.lanes)
            level = [
                pipe(self._cut(x[lane] * row.word_select(lane, 8).as_signed()), "product")
                for lane in range(config.lanes)
            ]
            while len(level) > 1:
                pairs = [pipe(self._cut(a + b), "partial") for a, b in zip(level[::2], level[1::2], strict=False)]
                level = pairs + [pipe(odd, "odd") for odd in level[2 * len(pairs) :]]
            parts.append(level[0])
        return parts

    def _cut(self, value: Value) -> Value:
        """Keep no more bits than the sums have, which small weights make narrow."""
        return value[: self.config.acc_bits].as_signed()

    def _give(self, m: Module, sums: list[Signal], gate: Signal, whole: Signal, free: Signal) -> None:
        """Shift a copy of the sums out."""
        copies = [Signal(Shape(len(total), True), name="given", reset_less=True) for total in sums]
        number = Signal(range(len(sums)))
        end = number == len(sums) - 1
        m.d.comb += [
            free.eq(~self.o.valid | (self.o.ready & end)),
            self.o.payload.acc.eq(copies[0]),
            self.o.payload.last.eq(end),
        ]
        with m.If(whole & free):
            m.d.sync += [Cat(copies).eq(Cat(sums)), self.o.payload.gate.eq(gate), self.o.valid.eq(1), number.eq(0)]
        with m.Elif(self.o.valid & self.o.ready):
            m.d.sync += [Cat(copies[:-1]).eq(Cat(copies[1:])), self.o.valid.eq(~end), number.eq(number + 1)]
