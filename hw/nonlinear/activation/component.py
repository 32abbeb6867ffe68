# SPDX-License-Identifier: BSD-2-Clause
"""Activation."""

from typing import Any

from amaranth import Module, Signal
from amaranth.lib import stream

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.nonlinear.activation.config import ActivationConfig
from gatewright.hw.nonlinear.activation.lane import activate


class Activation(RoomComponent):
    """Apply the function to ``lanes`` elements a beat.

    Members
    -------
    i : In(stream)
        ``x`` (lanes,), ``last``.
    o : Out(stream)
        ``y`` (lanes,), ``last``.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: ActivationConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Build the lanes under one enable."""
        m = Module()
        pipe = Pipe(m)
        # One enable stalls every stage: it costs one gate, and an idle stage never blocks a full one.
        m.d.comb += [pipe.enable.eq(~self.o.valid | self.o.ready), self.i.ready.eq(pipe.enable)]
        for lane in range(self.config.lanes):
            result = activate(pipe, self.config, self.i.payload.x[lane], f"lane_{lane}")
            m.d.comb += self.o.payload.y[lane].eq(result)
        m.d.comb += self.o.payload.last.eq(pipe(self.i.payload.last, "last", self.config.latency))

        valid = self.i.valid
        for _ in range(self.config.latency - 1):
            earlier, valid = valid, Signal(name="valid")
            with m.If(pipe.enable):
                m.d.sync += valid.eq(earlier)
        with m.If(pipe.enable):
            m.d.sync += self.o.valid.eq(valid)
        return m
