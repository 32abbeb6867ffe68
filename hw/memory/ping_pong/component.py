# SPDX-License-Identifier: BSD-2-Clause
"""Ping-pong store."""

from typing import Any

from amaranth import Array, Cat, Module, Signal
from amaranth.lib import memory, stream

from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.memory.ping_pong.config import PingPongConfig


class PingPong(RoomComponent):
    """Write tiles into the two halves of one memory in turn; read them behind.

    Members
    -------
    i : In(stream)
        ``data``, ``last``. A tile ends with its packet or when its half is full.
    i_play : In(stream)
        ``keep``; only with ``replay``. Taken with the packet's final read.
    o : Out(stream)
        ``data`` straight from the memory's read register, ``last``.
    """

    config: PingPongConfig
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: PingPongConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Build the memory and the two pointers."""
        m = Module()
        bits = self.config.address_bits
        m.submodules.store = store = memory.Memory(
            shape=self.config.width, depth=(1 << bits) + self.config.depth, init=[]
        )
        writer, reader = store.write_port(), store.read_port()
        full = Array(Signal(name=f"full_{half}") for half in range(2))
        end = Array(Signal(bits, name=f"end_{half}", reset_less=True) for half in range(2))
        final = Array(Signal(name=f"final_{half}", reset_less=True) for half in range(2))

        # Write: a half belongs to this side while it is not full.
        half, address = Signal(), Signal(bits)
        m.d.comb += [
            self.i.ready.eq(~full[half]),
            writer.addr.eq(Cat(address, half)),
            writer.data.eq(self.i.payload.data),
            writer.en.eq(self.i.valid & self.i.ready),
        ]
        with m.If(writer.en):
            m.d.sync += [address.eq(address + 1), end[half].eq(address), final[half].eq(self.i.payload.last)]
            with m.If(self.i.payload.last | (address == self.config.depth - 1)):
                m.d.sync += [address.eq(0), full[half].eq(1), half.eq(~half)]

        self._read(m, reader, full, end, final)
        return m

    def _read(self, m: Module, reader: Any, full: Array, end: Array, final: Array) -> None:
        """Build the read side: a half belongs to it while it is full.

        The memory's output register is the output; it moves when it is empty or its word is taken.
        """
        half, address = Signal(), Signal(self.config.address_bits)
        move, done = ~self.o.valid | self.o.ready, Signal()
        more = self.i_play.valid if self.config.replay else 1
        m.d.comb += [
            reader.addr.eq(Cat(address, half)),
            reader.en.eq(full[half] & more & move),
            done.eq(reader.en & (address == end[half])),
            self.o.payload.data.eq(reader.data),
        ]
        with m.If(move):
            m.d.sync += self.o.valid.eq(reader.en)
        with m.If(reader.en):
            m.d.sync += [address.eq(address + 1), self.o.payload.last.eq(done & final[half])]
        free = Signal()
        m.d.comb += free.eq(done)
        with m.If(done):
            m.d.sync += address.eq(0)
        with m.If(free):
            m.d.sync += [full[half].eq(0), half.eq(~half)]
        if self.config.replay:
            whole = Signal(init=1)  # the tile being read starts a packet
            m.d.comb += [
                self.i_play.ready.eq(done & final[half]),
                free.eq(done & ~(self.i_play.payload.keep & whole & final[half])),
            ]
            with m.If(done):
                m.d.sync += whole.eq(final[half])
