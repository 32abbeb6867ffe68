# SPDX-License-Identifier: BSD-2-Clause
"""Skid buffer."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import stream

from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.dataflow.skid.config import SkidConfig


class Skid(RoomComponent):
    """Register a stream in both directions, or ready only, one beat per cycle.

    Members
    -------
    i : In(stream)
        Words: ``data`` of ``width`` bits, ``last``. Ready comes straight from a register.
    o : Out(stream)
        The same beats, one cycle later, valid and payload straight from registers; or at once, if only ready is cut.
    """

    config: SkidConfig
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: SkidConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Build the spare register, and the output register beside it if both directions are cut."""
        m = Module()
        if self.config.cuts == "ready":
            self._pass(m)
        else:
            self._register(m)
        return m

    def _pass(self, m: Module) -> None:
        """Let beats through; keep the one that meets a stalled output."""
        spare, full = Signal(self.o.payload.shape(), reset_less=True), Signal()
        free, waits = Signal(init=1), Signal()  # full chooses each bit of the payload; ready has a register of its own
        m.d.comb += [
            waits.eq(self.o.valid & ~self.o.ready), self.i.ready.eq(free), self.o.valid.eq(full | self.i.valid),
            self.o.payload.eq(Mux(full, spare, self.i.payload)),
        ]  # fmt: skip
        m.d.sync += [full.eq(waits), free.eq(~waits)]
        with m.If(~full):
            m.d.sync += spare.eq(self.i.payload)

    def _register(self, m: Module) -> None:
        """Move beats through the output register."""
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
