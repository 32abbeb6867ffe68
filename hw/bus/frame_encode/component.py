# SPDX-License-Identifier: BSD-2-Clause
"""The circuit of frame_encode."""

from amaranth import Module, Signal
from amaranth.lib import stream

from gatewright.hw.bus.frame_encode.config import FrameEncodeConfig
from gatewright.hw.core.crc import fcs_next
from gatewright.hw.core.streams import RoomComponent

FLAG, ESCAPE, FLIP = 0x7E, 0x7D, 0x20


class FrameEncode(RoomComponent):
    """Wrap each packet into a frame.

    Members
    -------
    i : stream of {data: 8, last: 1}
        Payload.
    o : stream of {data: 8}
        Octets for the line: one a cycle.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: FrameEncodeConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: object) -> Module:
        """Build the circuit."""
        m = Module()
        data, last = Signal(8, reset_less=True), Signal(reset_less=True)
        full = Signal()
        taken = Signal()  # the held payload octet leaves in this cycle
        m.d.comb += self.i.ready.eq(~full | taken)
        with m.If(self.i.ready):
            m.d.sync += full.eq(self.i.valid)
            with m.If(self.i.valid):
                m.d.sync += [data.eq(self.i.payload.data), last.eq(self.i.payload.last)]

        # What the state wants to send, before stuffing.
        octet, stuffed = Signal(8), Signal()
        escaped = Signal()  # the escape is out, its octet follows
        fcs = Signal(16, reset_less=True)
        step = Signal()  # the octet leaves in this cycle, all of it
        needs_escape = stuffed & ((octet == FLAG) | (octet == ESCAPE))
        m.d.comb += [
            self.o.payload.data.eq(octet),
            step.eq(self.o.valid & self.o.ready & (~needs_escape | escaped)),
        ]
        with m.If(escaped):
            m.d.comb += self.o.payload.data.eq(octet ^ FLIP)
        with m.Elif(needs_escape):
            m.d.comb += self.o.payload.data.eq(ESCAPE)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += escaped.eq(needs_escape & ~escaped)

        with m.FSM():
            with m.State("OPEN"):
                m.d.comb += [self.o.valid.eq(full), octet.eq(FLAG)]
                m.d.sync += fcs.eq(0xFFFF)
                with m.If(step):
                    m.next = "PAYLOAD"
            with m.State("PAYLOAD"):
                m.d.comb += [self.o.valid.eq(full), octet.eq(data), stuffed.eq(1), taken.eq(step)]
                with m.If(step):
                    m.d.sync += fcs.eq(fcs_next(fcs, data))
                    with m.If(last):
                        m.next = "CHECK_LOW"
            with m.State("CHECK_LOW"):
                m.d.comb += [self.o.valid.eq(1), octet.eq(~fcs[:8]), stuffed.eq(1)]
                with m.If(step):
                    m.next = "CHECK_HIGH"
            with m.State("CHECK_HIGH"):
                m.d.comb += [self.o.valid.eq(1), octet.eq(~fcs[8:]), stuffed.eq(1)]
                with m.If(step):
                    m.next = "CLOSE"
            with m.State("CLOSE"):
                m.d.comb += [self.o.valid.eq(1), octet.eq(FLAG)]
                with m.If(step):
                    m.next = "OPEN"
        return m
