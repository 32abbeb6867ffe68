# SPDX-License-Identifier: BSD-2-Clause
"""Skid buffer."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import stream
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.dataflow.skid.config import SkidConfig


class Skid(RoomComponent):
    """Register a stream in both directions, one beat per cycle.

    Members
    -------
    i : In(stream)
        Words: ``data`` of ``width`` bits, ``last``. Ready comes straight from a register.
    o : Out(stream)
        The same beats, one cycle later. Valid and payload come straight from registers.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: SkidConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Build the output register and the spare register beside it."""
        m = Module()
        payload = self.o.payload.shape()
        spare = Signal(payload)
        # Ready also says that the spare register is free. It may be high in reset: no beat is in flight then.
        free = Signal(init=1)
        m.d.comb += self.i.ready.eq(free)

        # While free, the spare register follows the input, so a beat that meets a stalled output
        # is already caught: only the flag has to change.
        with m.If(free):
            m.d.sync += spare.eq(self.i.payload)

        with m.If(~self.o.valid | self.o.ready):
            m.d.sync += [
                self.o.valid.eq(self.i.valid | ~free),
                self.o.payload.eq(Mux(free, self.i.payload, spare)),
                free.eq(1),
            ]
        with m.Elif(self.i.valid):
            m.d.sync += free.eq(0)
        return m
