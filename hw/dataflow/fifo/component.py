# SPDX-License-Identifier: BSD-2-Clause
"""Queue."""

from typing import Any

from amaranth import Cat, Module, Signal
from amaranth.lib import stream
from amaranth.lib.fifo import SyncFIFOBuffered

from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.dataflow.fifo.config import FifoConfig


class Fifo(RoomComponent):
    """Queue up to ``depth`` beats, one in and one out per cycle.

    Members
    -------
    i : In(stream)
        Words: ``data`` of ``width`` bits, ``last``.
    o : Out(stream)
        The same beats in order, ``latency`` cycles later if the queue was empty.
    """

    config: FifoConfig
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: FifoConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Build the chosen storage."""
        return self._memory() if self.config.storage == "memory" else self._registers()

    def _memory(self) -> Module:
        m = Module()
        bits = self.config.inputs[0].bits
        m.submodules.queue = queue = SyncFIFOBuffered(width=bits, depth=self.config.depth)
        m.d.comb += [
            queue.w_data.eq(self.i.payload.as_value()),
            queue.w_en.eq(self.i.valid),
            self.i.ready.eq(queue.w_rdy),
            self.o.payload.eq(queue.r_data),
            self.o.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.o.ready),
        ]
        return m

    def _registers(self) -> Module:
        """Shift towards the output: slot 0 is the head, so no read mux follows the registers."""
        m = Module()
        depth = self.config.depth
        slots = [Signal(self.i.payload.shape(), name=f"slot{k}", reset_less=True) for k in range(depth)]
        full = Signal(depth)  # thermometer: slot k holds a beat only if all slots below do
        push, pop = Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(~full[-1]),
            self.o.valid.eq(full[0]),
            self.o.payload.eq(slots[0]),
            push.eq(self.i.valid & self.i.ready),
            pop.eq(self.o.valid & self.o.ready),
        ]
        with m.If(push & ~pop):
            m.d.sync += full.eq(Cat(1, full[:-1]))
        with m.Elif(pop & ~push):
            m.d.sync += full.eq(full[1:])

        # A slot without a successor follows the input; whether that beat counts is up to `full`.
        for k, slot in enumerate(slots):
            with m.If(pop):
                if k + 1 < depth:
                    with m.If(full[k + 1]):
                        m.d.sync += slot.eq(slots[k + 1])
                    with m.Else():
                        m.d.sync += slot.eq(self.i.payload)
            with m.Elif(~full[k]):
                m.d.sync += slot.eq(self.i.payload)
        return m
