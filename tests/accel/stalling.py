# SPDX-License-Identifier: BSD-2-Clause
"""Rooms whose streams are held back at random, to put in the place of those in a larger one."""

from collections.abc import Collection
from itertools import count
from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gatewright.hw.core.streams import RoomComponent, layout

TAPS = 0xB400  # of a shift register of 16 bits that runs through all values but 0
HALF, EIGHTH = 0b1, 0b10010010  # bits that must be 0 for a word to go


class Stall(wiring.Component):
    """Pass words on, each after a wait of random length; a word once offered stays offered."""

    def __init__(self, shape: Any, seed: int, mask: int) -> None:
        self.seed, self.mask = seed, mask
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: Any) -> Module:
        """Let a word go when some bits of a shift register are 0."""
        m = Module()
        state, held, go = Signal(16, init=self.seed), Signal(), Signal()
        m.d.sync += state.eq((state >> 1) ^ Mux(state[0], TAPS, 0))
        m.d.sync += held.eq(self.o.valid & ~self.o.ready)
        m.d.comb += [
            go.eq(held | ((state & self.mask) == 0)), self.o.valid.eq(self.i.valid & go),
            self.i.ready.eq(self.o.ready & go), self.o.payload.eq(self.i.payload),
        ]  # fmt: skip
        return m


def stalled(room: type[RoomComponent], ports: Collection[str], mask: int) -> type[RoomComponent]:
    """Give the same room with some of its streams held back; each of its instances waits in its own way."""
    seeds = count(1)

    class Stalled(RoomComponent):
        def __init__(self, config: Any) -> None:
            super().__init__(config)

        def elaborate(self, platform: Any) -> Module:
            m = Module()
            m.submodules.inner = inner = room(self.config)
            for port in (*self.config.inputs, *self.config.outputs):
                outer, own = getattr(self, port.name), getattr(inner, port.name)
                source, sink = (outer, own) if port in self.config.inputs else (own, outer)
                if port.name in ports:
                    stall = Stall(layout(port), next(seeds) * 7919 & 0xFFFF, mask)
                    m.submodules[f"stall_{port.name}"] = stall
                    _join(m, source, stall.i)
                    source = stall.o
                _join(m, source, sink)
            return m

    return Stalled


def _join(m: Module, source: Any, sink: Any) -> None:
    m.d.comb += [
        sink.valid.eq(source.valid), source.ready.eq(sink.ready),
        sink.payload.as_value().eq(source.payload.as_value()),
    ]  # fmt: skip
