# SPDX-License-Identifier: BSD-2-Clause
"""The circuit of uart_rx."""

from amaranth import Cat, Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from gatewright.hw.bus.uart_rx.config import UartRxConfig
from gatewright.hw.core.streams import RoomComponent


class UartRx(RoomComponent):
    """Receive 8N1.

    Members
    -------
    rx : In(1)
        The line, high when idle; asynchronous to the clock.
    o : stream of {data: 8}
        Octets. One octet waits while the next one is on the line.
    framing_error : Out(1)
        High for one cycle where a stop bit was low: the octet is dropped.
    overrun : Out(1)
        High for one cycle where an octet came while the one before was not yet taken: the
        new one is dropped.
    """

    o: stream.Interface

    def __init__(self, config: UartRxConfig) -> None:
        super().__init__(config, {"rx": In(1), "framing_error": Out(1), "overrun": Out(1)})

    def elaborate(self, platform: object) -> Module:
        """Build the circuit."""
        m = Module()
        divisor, half = self.config.divisor, self.config.half

        # Reset to low: a line that is low when reset ends must rise before a start bit counts.
        line = Signal(3)
        m.d.sync += line.eq(Cat(self.rx, line[:2]))
        level, falling = line[1], line[2] & ~line[1]

        timer = Signal(range(divisor), reset_less=True)
        middle = Signal()
        m.d.comb += middle.eq(timer == 0)
        # A one that starts at the top falls out at the bottom after eight bits.
        shift = Signal(9, reset_less=True)
        done = Signal()

        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += timer.eq(half - 1)
                with m.If(falling):
                    m.next = "START"
            with m.State("START"):
                m.d.sync += [timer.eq(timer - 1), shift.eq(1 << 8)]
                with m.If(middle):
                    m.d.sync += timer.eq(divisor - 1)
                    m.next = "DATA"
                    with m.If(level):
                        m.next = "IDLE"
            with m.State("DATA"):
                m.d.sync += timer.eq(timer - 1)
                with m.If(middle):
                    m.d.sync += timer.eq(divisor - 1)
                    with m.If(shift[0]):
                        m.d.comb += done.eq(1)
                        m.next = "IDLE"
                    with m.Else():
                        m.d.sync += shift.eq(Cat(shift[1:], level))

        octet = Signal(8, reset_less=True)
        m.d.comb += self.o.payload.data.eq(octet)
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        m.d.comb += self.framing_error.eq(done & ~level)
        with m.If(done & level):
            with m.If(self.o.valid & ~self.o.ready):
                m.d.comb += self.overrun.eq(1)
            with m.Else():
                m.d.sync += [self.o.valid.eq(1), octet.eq(shift[1:])]
        return m
