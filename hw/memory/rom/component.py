# SPDX-License-Identifier: BSD-2-Clause
"""Table of constants."""

from typing import Any

from amaranth import Module, Signal
from amaranth.lib import stream
from amaranth.lib.memory import Memory

from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.memory.rom.config import RomConfig


class Rom(RoomComponent):
    """Read one word per cycle from an initialised memory.

    Members
    -------
    i : In(stream)
        ``address`` below ``depth``, unsigned; ``last``.
    o : Out(stream)
        ``data`` of ``width`` bits, two's complement if ``signed``; ``last`` of its address.
    """

    config: RomConfig
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: RomConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Let the memory's own read register hold the word while the output stalls."""
        m = Module()
        width = self.config.width
        words = [value & ((1 << width) - 1) for value in self.config.contents]
        m.submodules.table = table = Memory(shape=width, depth=self.config.depth, init=words)
        port = table.read_port()

        valid, last = Signal(), Signal(reset_less=True)
        free = Signal()  # the read register may take another word
        m.d.comb += [self.i.ready.eq(free), port.addr.eq(self.i.payload.address), port.en.eq(free)]
        with m.If(free):
            m.d.sync += [valid.eq(self.i.valid), last.eq(self.i.payload.last)]

        move = Signal()  # the output may take another word
        m.d.comb += move.eq(~self.o.valid | self.o.ready)
        if not self.config.output_register:
            m.d.comb += [
                free.eq(move),
                self.o.valid.eq(valid),
                self.o.payload.data.eq(port.data),
                self.o.payload.last.eq(last),
            ]
            return m

        payload = Signal(self.o.payload.shape(), reset_less=True)
        m.d.comb += [free.eq(~valid | move), self.o.payload.eq(payload)]
        with m.If(move):
            m.d.sync += [self.o.valid.eq(valid), payload.data.eq(port.data), payload.last.eq(last)]
        return m
