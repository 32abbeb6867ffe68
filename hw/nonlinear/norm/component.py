# SPDX-License-Identifier: BSD-2-Clause
"""RMSNorm and LayerNorm."""

from typing import Any

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import stream
from amaranth.lib.memory import Memory

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.nonlinear.norm.apply import normalise
from gatewright.hw.nonlinear.norm.config import NormConfig
from gatewright.hw.nonlinear.norm.root import Scale, find_scale
from gatewright.hw.nonlinear.norm.statistics import sum_rows


class Norm(RoomComponent):
    """Normalise rows, ``lanes`` elements a beat.

    Members
    -------
    i : In(stream)
        ``x`` (lanes,), ``last``.
    i_weight : In(stream)
        ``weight`` and, for kind ``layer``, ``bias`` (lanes,) of the beat that leaves next.
    o : Out(stream)
        ``q`` (lanes,), ``last``.
    """

    config: NormConfig
    i: stream.Interface
    i_weight: stream.Interface
    o: stream.Interface

    def __init__(self, config: NormConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Sum a row while it enters the store, find its scale, scale it while it leaves."""
        m, config = Module(), self.config
        x = self.i.payload.x
        push, pop, take, hand = Signal(), Signal(), Signal(), Signal()

        # One row is summed, one has its scale found, one leaves the store.
        sums = sum_rows(m, config, push, [x[lane] for lane in range(config.lanes)], self.i.payload.last, take)
        busy, steps = Signal(), Signal(range(config.scale_cycles), reset_less=True)
        scale = find_scale(m, config, sums, take, steps)
        m.d.comb += take.eq(sums.complete & ~busy)
        with m.If(take):
            m.d.sync += [busy.eq(1), steps.eq(config.scale_cycles - 1)]
        with m.Else():
            with m.If(hand):
                m.d.sync += busy.eq(0)
            with m.If(steps.any()):
                m.d.sync += steps.eq(steps - 1)

        # A row whose scale is known lies in the store from end to end.
        leaving = Signal()
        free, head = self._store(m, push, pop, hand, leaving)
        m.d.comb += [self.i.ready.eq(sums.enable & free), push.eq(self.i.valid & self.i.ready)]
        done = pop & head[-1]
        m.d.comb += hand.eq(busy & ~steps.any() & (~leaving | done))
        with m.If(hand):
            m.d.sync += leaving.eq(1)
        with m.Elif(done):
            m.d.sync += leaving.eq(0)
        self._lanes(m, head, self._used(m, scale, hand), leaving, pop)
        return m

    def _store(self, m: Module, push: Value, pop: Value, hand: Value, leaving: Value) -> tuple[Value, Value]:
        """Queue the beats in a memory.

        The head is a register, since a memory is slow to give: it holds the beat that leaves, and the
        read register the beat after it. Between rows both follow what the memory holds.
        """
        config = self.config
        word = Cat(self.i.payload.x, self.i.payload.last)
        m.submodules.store = store = Memory(shape=len(word), depth=1 << config.store_bits, init=[])
        write, read = store.write_port(), store.read_port()
        # Where the store can be full, one more bit tells a full one from an empty one.
        bits = config.store_bits + config.store_fills
        enter, leave, following = Signal(bits), Signal(bits), Signal(bits)
        head = Signal(len(word), reset_less=True)
        m.d.comb += following.eq(leave + (hand | (pop & ~head[-1])))
        m.d.sync += [enter.eq(enter + push), leave.eq(following)]
        m.d.comb += [write.addr.eq(enter), write.data.eq(word), write.en.eq(push), read.addr.eq(following)]
        m.d.comb += read.en.eq(1)
        with m.If(pop | ~leaving):
            m.d.sync += head.eq(read.data)
        full = (enter ^ leave) == (1 << config.store_bits)
        return (~full if config.store_fills else Value.cast(1)), head

    def _used(self, m: Module, scale: Scale, hand: Value) -> Scale:
        """Hold the scale of the row that leaves, so that the next can be sought."""
        pipe = Pipe(m)
        m.d.comb += pipe.enable.eq(hand)
        return Scale(pipe(scale.digits, "used_digits"), pipe(scale.code, "used_code"), pipe(scale.total, "used_total"))

    def _lanes(self, m: Module, head: Value, scale: Scale, leaving: Value, pop: Signal) -> None:
        """Scale the beats that leave; one enable stalls every stage."""
        config, pipe, affine = self.config, Pipe(m), self.i_weight.payload
        m.d.comb += pipe.enable.eq(~self.o.valid | self.o.ready)
        m.d.comb += self.i_weight.ready.eq(leaving & pipe.enable)
        m.d.comb += pop.eq(self.i_weight.valid & self.i_weight.ready)
        x = [head.word_select(lane, config.in_bits).as_signed() for lane in range(config.lanes)]
        weight = [affine.weight[lane] for lane in range(config.lanes)]
        bias = [affine.bias[lane] for lane in range(config.lanes)] if config.kind == "layer" else []
        for lane, q in enumerate(normalise(pipe, config, x, weight, bias, scale)):
            m.d.comb += self.o.payload.q[lane].eq(q)
        m.d.comb += self.o.payload.last.eq(pipe(head[-1], "last", config.apply_cycles))

        valid: Value = pop
        for stage in range(config.apply_cycles):
            earlier, valid = valid, self.o.valid if stage == config.apply_cycles - 1 else Signal(name="valid")
            with m.If(pipe.enable):
                m.d.sync += valid.eq(earlier)
