# SPDX-License-Identifier: BSD-2-Clause
"""The circuit of uart_tx."""

from amaranth import Cat, Const, Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Out

from gatewright.hw.bus.uart_tx.config import UartTxConfig
from gatewright.hw.core.streams import RoomComponent


class UartTx(RoomComponent):
    """Send 8N1.

    Members
    -------
    i : stream of {data: 8}
        Octets.
    tx : Out(1, init=1)
        The line, high when idle; from a flip-flop.
    """

    i: stream.Interface

    def __init__(self, config: UartTxConfig) -> None:
        super().__init__(config, {"tx": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        """Build the circuit."""
        m = Module()
        timer = Signal(range(self.config.divisor))
        # The bit on the line is at the bottom. The stop bit is the topmost one: while it is on the
        # line nothing is left above it.
        shift = Signal(10, init=1)
        boundary, stopping = Signal(), Signal()
        m.d.comb += [
            boundary.eq(timer == 0),
            stopping.eq(shift[1:] == 0),
            self.tx.eq(shift[0]),
            self.i.ready.eq(boundary & stopping),
        ]
        with m.If(~boundary):
            m.d.sync += timer.eq(timer - 1)
        with m.Elif(~stopping):
            m.d.sync += [timer.eq(self.config.divisor - 1), shift.eq(shift[1:])]
        with m.Elif(self.i.valid):
            start, stop = Const(0, 1), Const(1, 1)
            m.d.sync += [
                timer.eq(self.config.divisor - 1),
                shift.eq(Cat(start, self.i.payload.data, stop)),
            ]
        return m
