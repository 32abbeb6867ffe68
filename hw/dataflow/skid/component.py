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
        shape = self.o.payload.shape()
        # Payload registers need no reset: nobody looks at them while valid is low.
        head = Signal(shape, reset_less=True)
        spare = Signal(shape, reset_less=True)
        # Ready also says that the spare register is free.
        free = Signal(init=1)
        m.d.comb += [self.i.ready.eq(free), self.o.payload.eq(head)]

        # While free, the spare register follows the input, so a beat that meets a stalled output
        # is already caught: only the flag has to change.
        with m.If(free):
            m.d.sync += spare.eq(self.i.payload)

        move = Signal()
        m.d.comb += move.eq(~self.o.valid | self.o.ready)
        with m.If(move):
            m.d.sync += [
                head.eq(Mux(free, self.i.payload, spare)),
                self.o.valid.eq(self.i.valid | ~free),
                free.eq(1),
            ]
        with m.Elif(self.i.valid):
            m.d.sync += free.eq(0)
        return m
