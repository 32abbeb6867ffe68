# SPDX-License-Identifier: BSD-2-Clause
"""Spreading width converter."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import stream

from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.dataflow.width_down.config import WidthDownConfig


class WidthDown(RoomComponent):
    """Spread words into elements, one element per cycle.

    Members
    -------
    i : In(stream)
        Words: ``data`` of ``(factor,)`` elements, ``count`` of them valid, ``last``.
    o : Out(stream)
        Elements: ``data`` of ``width`` bits; ``last`` on the last valid element of a word that has it.
    """

    config: WidthDownConfig
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: WidthDownConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Shift a word out; the next one loads in the cycle in which the last element leaves."""
        m = Module()
        factor = self.config.factor
        word = Signal(self.i.payload.shape().members["data"], reset_less=True)
        last = Signal(reset_less=True)
        left = Signal(range(factor + 1))  # elements still to give
        final = Signal()
        count = self.i.payload.count
        m.d.comb += [
            final.eq(left == 1),
            self.o.valid.eq(left != 0),
            self.o.payload.data.eq(word[0]),
            self.o.payload.last.eq(last & final),
            self.i.ready.eq(~self.o.valid | (final & self.o.ready)),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                word.eq(self.i.payload.data),
                last.eq(self.i.payload.last),
                left.eq(Mux(count == 0, 1, Mux(count > factor, factor, count))),
            ]
        with m.Elif(self.o.valid & self.o.ready):
            m.d.sync += [left.eq(left - 1), word.as_value().eq(word.as_value() >> self.config.width)]
        return m
