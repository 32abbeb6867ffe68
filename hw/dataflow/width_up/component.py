# SPDX-License-Identifier: BSD-2-Clause
"""Gathering width converter."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import stream

from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.dataflow.width_up.config import WidthUpConfig


class WidthUp(RoomComponent):
    """Gather elements into words, one element per cycle.

    Members
    -------
    i : In(stream)
        Elements: ``data`` of ``width`` bits, ``last``.
    o : Out(stream)
        Words: ``data`` of ``(factor,)`` elements, ``count`` of them valid, the others zero; ``last``.
    """

    config: WidthUpConfig
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: WidthUpConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Gather straight into the output register; it starts over when its word leaves."""
        m = Module()
        factor = self.config.factor
        word = Signal(self.o.payload.shape().members["data"], reset_less=True)
        last = Signal(reset_less=True)
        count = Signal(self.config.factor.bit_length())  # elements in `word`
        filled = Signal.like(count)  # elements that stay there if a beat comes now
        take = Signal()
        m.d.comb += [
            self.i.ready.eq(~self.o.valid | self.o.ready),
            take.eq(self.i.valid & self.i.ready),
            filled.eq(Mux(self.o.valid, 0, count)),
            self.o.payload.data.eq(word),
            self.o.payload.count.eq(count),
            self.o.payload.last.eq(last),
        ]
        with m.If(take):
            m.d.sync += [
                count.eq(filled + 1),
                last.eq(self.i.payload.last),
                self.o.valid.eq(self.i.payload.last | (filled == factor - 1)),
            ]
            for k in range(factor):
                with m.If(filled == k):
                    m.d.sync += word[k].eq(self.i.payload.data)
                if k > 0:
                    # The first element of a word clears what the previous word left behind.
                    with m.Elif(filled == 0):
                        m.d.sync += word[k].eq(0)
        with m.Elif(self.o.ready & self.o.valid):
            m.d.sync += [self.o.valid.eq(0), count.eq(0)]
        return m
