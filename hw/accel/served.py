# SPDX-License-Identifier: BSD-2-Clause
"""What every accelerator with a serial port has around its core: UART, frames, command port."""

from typing import Any, ClassVar

from amaranth import Module, Signal
from amaranth.lib.wiring import In, Out

from gatewright.hw.accel.served_config import ServedConfig
from gatewright.hw.bus.command_port.component import CommandPort
from gatewright.hw.bus.frame_decode.component import FrameDecode
from gatewright.hw.bus.frame_decode.config import FrameDecodeConfig
from gatewright.hw.bus.frame_encode.component import FrameEncode
from gatewright.hw.bus.frame_encode.config import FrameEncodeConfig
from gatewright.hw.bus.uart_rx.component import UartRx
from gatewright.hw.bus.uart_rx.config import UartRxConfig
from gatewright.hw.bus.uart_tx.component import UartTx
from gatewright.hw.bus.uart_tx.config import UartTxConfig
from gatewright.hw.core.streams import RoomComponent


class Served(RoomComponent):
    """Answer requests on a serial line; a subclass names the core.

    Attributes
    ----------
    core : type
        Component of the core, made from ``config.core``: a stream ``i`` of what `command_port` hands on, a
        stream ``o`` of the bodies of its replies.

    Members
    -------
    rx : In(1)
        Serial line from the host, idle high.
    tx : Out(1)
        Serial line to the host, idle high.
    busy : Out(1)
        High from a run's first input octet until the core's last output octet is taken, or the
        input turns out not to be good.
    """

    core: ClassVar[Any]
    extra: ClassVar[dict[str, Any]] = {}  # further pins
    config: ServedConfig

    def __init__(self, config: ServedConfig) -> None:
        super().__init__(config, {"rx": In(1, init=1), "tx": Out(1, init=1), "busy": Out(1), **self.extra})

    def make_core(self) -> Any:
        """Make the core."""
        return self.core(self.config.served)

    def elaborate(self, platform: Any) -> Module:
        """Chain the rooms in the order in which a request passes them."""
        m = Module()
        config = self.config
        m.submodules.uart_rx = uart_rx = UartRx(UartRxConfig(divisor=config.divisor))
        m.submodules.frame_decode = decode = FrameDecode(FrameDecodeConfig())
        m.submodules.command_port = port = CommandPort(config.port)
        m.submodules.core = core = self.make_core()
        m.submodules.frame_encode = encode = FrameEncode(FrameEncodeConfig())
        m.submodules.uart_tx = uart_tx = UartTx(UartTxConfig(divisor=config.divisor))
        m.d.comb += [uart_rx.rx.eq(self.rx), self.tx.eq(uart_tx.tx)]
        for source, sink in (
            (uart_rx.o, decode.i),
            (decode.o, port.i),
            (port.o_input, core.i),
            (core.o, port.i_result),
            (port.o, encode.i),
            (encode.o, uart_tx.i),
        ):
            _join(m, source, sink)
        busy = Signal()
        with m.If(port.o_input.valid):
            m.d.sync += busy.eq(~port.o_input.payload.last | port.o_input.payload.good)
        with m.Elif(core.o.valid & core.o.ready & core.o.payload.last):
            m.d.sync += busy.eq(0)
        m.d.comb += self.busy.eq(busy)
        return m


def _join(m: Module, source: Any, sink: Any) -> None:
    """Connect two streams whose payloads agree in names, if not in signedness."""
    m.d.comb += [sink.valid.eq(source.valid), source.ready.eq(sink.ready)]
    for name, _ in sink.payload.shape():
        m.d.comb += getattr(sink.payload, name).eq(getattr(source.payload, name))
