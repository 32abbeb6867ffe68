# SPDX-License-Identifier: BSD-2-Clause
"""Function unit."""

from typing import Any

from amaranth import Module, Signal
from amaranth.lib import stream

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.elementary.function.config import FunctionConfig
from gatewright.hw.elementary.function.lane import lane


class Function(RoomComponent):
    """Evaluate a function of ``lanes`` elements a beat.

    Members
    -------
    i : In(stream)
        ``x`` (lanes,), ``last``.
    o : Out(stream)
        ``y`` (lanes,), ``last``.
    """

    config: FunctionConfig
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: FunctionConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Build the lanes under one enable."""
        m = Module()
        pipe, design = Pipe(m), self.config.design
        # An idle stage never blocks a full one: all move when the output is free.
        m.d.comb += [pipe.enable.eq(~self.o.valid | self.o.ready), self.i.ready.eq(pipe.enable)]

        for index in range(self.config.lanes):
            y = lane(pipe, design, self.i.payload.x[index], f"lane_{index}", self.config.storage)
            m.d.comb += self.o.payload.y[index].eq(y)

        valid = self.i.valid
        for stage in range(self.config.latency):
            earlier, valid = valid, self.o.valid if stage == self.config.latency - 1 else Signal(name="valid")
            with m.If(pipe.enable):
                m.d.sync += valid.eq(earlier)
        m.d.comb += self.o.payload.last.eq(pipe(self.i.payload.last, "last", self.config.latency))
        return m
