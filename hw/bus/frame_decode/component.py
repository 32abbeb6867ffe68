# SPDX-License-Identifier: BSD-2-Clause
"""The circuit of frame_decode."""

from amaranth import Array, Module, Mux, Signal
from amaranth.lib import stream

from gatewright.hw.bus.frame_decode.config import FrameDecodeConfig
from gatewright.hw.core.crc import fcs_next
from gatewright.hw.core.streams import RoomComponent

FLAG, ESCAPE, FLIP, GOOD = 0x7E, 0x7D, 0x20, 0xF0B8


class FrameDecode(RoomComponent):
    """Unstuff frames, check and strip their check sequence.

    Members
    -------
    i : stream of {data: 8}
        Octets from the line.
    o : stream of {data: 8, last: 1, good: 1}
        Payload. ``good`` is 1 only together with ``last``; a consumer must not act on a packet
        before its last beat, and must forget it if ``good`` is 0 there.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: FrameDecodeConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: object) -> Module:
        """Build the circuit."""
        m = Module()
        data = self.i.payload.data
        is_flag, is_escape = Signal(), Signal()
        escaped = Signal()
        octet = Signal(8)
        m.d.comb += [
            is_flag.eq(data == FLAG),
            is_escape.eq((data == ESCAPE) & ~escaped),
            octet.eq(data ^ Mux(escaped, FLIP, 0)),
        ]

        # Three octets wait here: two may prove the check sequence, the third the last of the payload.
        held = Array([Signal(8, name=f"held{index}", reset_less=True) for index in range(3)])
        filled = Signal(3)
        fcs = Signal(16, init=0xFFFF)
        full = filled[2]

        # A flag or a further octet pushes the oldest one out, in the same cycle.
        m.d.comb += [
            self.o.valid.eq(self.i.valid & full & ~is_escape),
            self.o.payload.data.eq(held[2]),
            self.o.payload.last.eq(is_flag),
            self.o.payload.good.eq(is_flag & (fcs == GOOD) & ~escaped),
            self.i.ready.eq(~full | is_escape | self.o.ready),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += escaped.eq(is_escape)
            with m.If(is_flag):
                m.d.sync += [filled.eq(0), fcs.eq(0xFFFF), escaped.eq(0)]
            with m.Elif(~is_escape):
                m.d.sync += [
                    held[0].eq(octet),
                    held[1].eq(held[0]),
                    held[2].eq(held[1]),
                    filled.eq((filled << 1) | 1),
                    fcs.eq(fcs_next(fcs, octet)),
                ]
        return m
