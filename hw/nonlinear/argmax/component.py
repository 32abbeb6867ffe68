# SPDX-License-Identifier: BSD-2-Clause
"""Greatest element."""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.nonlinear.argmax.config import ArgmaxConfig


class Argmax(RoomComponent):
    """Compare the lanes of a beat level by level, then the winner with the packet's greatest so far.

    Members
    -------
    i : In(stream)
        ``x`` (lanes,), ``last``.
    o : Out(stream)
        ``index``, ``value``.
    """

    config: ArgmaxConfig
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: ArgmaxConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Let the output register hold the greatest so far: it is free as soon as a packet has left."""
        m = Module()
        pipe = Pipe(m)
        m.d.comb += [pipe.enable.eq(~self.o.valid | self.o.ready), self.i.ready.eq(pipe.enable)]
        valid = self.i.valid
        for _ in range(self.config.levels):
            before, valid = valid, Signal(name="valid")
            with m.If(pipe.enable):
                m.d.sync += valid.eq(before)
        last = pipe(self.i.payload.last, "last", self.config.levels)
        lane, value = self._best_lane(pipe)

        begins, best, go = Signal(init=1), self.o.payload, Signal()
        index = self._index(m, go, last, lane)
        m.d.comb += go.eq(pipe.enable & valid)
        with m.If(pipe.enable):
            m.d.sync += self.o.valid.eq(valid & last)
        with m.If(go):
            m.d.sync += begins.eq(last)
            with m.If(begins | (value > best.value)):
                m.d.sync += [best.value.eq(value), best.index.eq(index)]
        return m

    def _best_lane(self, pipe: Pipe) -> tuple[Value, Value]:
        """Give number and value of a beat's greatest lane; only a strictly greater one wins over a lower one."""
        found: list[tuple[Value, Value]] = [(Const(0, 0), x) for x in self.i.payload.x]
        while len(found) > 1:
            level = []
            for at, (lane, value) in enumerate(found[::2]):
                if 2 * at + 1 == len(found):  # an odd one waits
                    level.append((Cat(pipe(lane, "lane"), Const(0, 1)), pipe(value, "value")))
                    continue
                other, rival = found[2 * at + 1]
                wins = Signal()
                pipe.m.d.comb += wins.eq(rival > value)
                number = Cat(Mux(wins, other, lane), wins) if len(lane) else wins  # Verilog knows no empty vector
                level.append((pipe(number, "lane"), pipe(Mux(wins, rival, value), "value")))
            found = level
        return found[0]

    def _index(self, m: Module, go: Value, last: Value, lane: Value) -> Value:
        """Count beats; lanes that are a power of two are the low bits, else their count is added up."""
        config = self.config
        if config.beats == 1:
            return lane
        whole = config.lanes & (config.lanes - 1) == 0
        step = 1 if whole else config.lanes
        place = Signal(range((config.beats - 1) * step + 1))
        with m.If(go):
            m.d.sync += place.eq(Mux(last, 0, place + step))
        return Cat(lane, place) if whole else place + lane
