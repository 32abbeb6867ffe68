# SPDX-License-Identifier: BSD-2-Clause
"""Join."""

from typing import Any

from amaranth import Cat, Module, Signal
from amaranth.lib import stream

from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.dataflow.join.config import JoinConfig


class Join(RoomComponent):
    """Take one beat of every input at once and give them as one beat.

    Members
    -------
    i_0, i_1, ... : In(stream)
        Words: ``data`` of ``widths[k]`` bits, ``last``.
    o : Out(stream)
        ``data_0``, ``data_1``, ..., and ``last``, which is set if any input's is.
    """

    config: JoinConfig
    o: stream.Interface

    def __init__(self, config: JoinConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Wait for all and for a free output register, then move all."""
        m = Module()
        inputs = [getattr(self, port.name) for port in self.config.inputs]
        # Payload registers need no reset: nobody looks at them while valid is low.
        payload = Signal(self.o.payload.shape(), reset_less=True)
        free, go = Signal(), Signal()
        m.d.comb += [
            self.o.payload.eq(payload),
            free.eq(~self.o.valid | self.o.ready),
            go.eq(free & Cat(item.valid for item in inputs).all()),
            *(item.ready.eq(go) for item in inputs),
        ]
        with m.If(free):
            m.d.sync += [
                self.o.valid.eq(go),
                payload.last.eq(Cat(item.payload.last for item in inputs).any()),
                *(payload[f"data_{k}"].eq(item.payload.data) for k, item in enumerate(inputs)),
            ]
        return m
