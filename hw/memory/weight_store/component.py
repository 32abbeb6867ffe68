# SPDX-License-Identifier: BSD-2-Clause
"""Weight store."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.memory import Memory

from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.memory.weight_store.config import WeightStoreConfig


class WeightStore(RoomComponent):
    """Read runs of words from a memory, constant or loaded.

    Loads and plays never overlap, so one address register serves both; it stands at 0 between them.

    Members
    -------
    i_load : In(stream)
        ``data`` of ``load_bits``, ``last``; only if ``source`` is ``loaded``.
    i_play : In(stream)
        ``first``, ``count``, ``times``. Taken when idle, or with the final read of the command before.
    o : Out(stream)
        ``data``, ``last``.
    """

    config: WeightStoreConfig
    i_load: stream.Interface
    i_play: stream.Interface
    o: stream.Interface

    def __init__(self, config: WeightStoreConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Count words and rows of a command; everything behind the address moves under one enable."""
        m = Module()
        config, play = self.config, self.i_play.payload
        bits = config.address_bits  # enough to count to depth, too: 0 stands for 2**bits
        address = Signal(bits, reset_less=not config.loaded)
        count = Signal(bits, reset_less=True)
        left = Signal(bits, reset_less=True)  # words of the row, this one included
        rows = Signal(bits, reset_less=True)  # rows of the command, this one included
        active = Signal()  # a command has words to read
        held = Signal()  # the memory's read register has a word
        move = Signal()  # a word may be read
        end = Signal()  # the word ends its row
        final = Signal()  # and the row its command
        opens = Signal()  # a command follows, be it that the final word is read

        writes, playable = self._load(m, address, ~active & ~held) if config.loaded else ([], Value.cast(1))
        data = self._memory(m, address, active & move, writes)
        m.d.comb += [
            move.eq(~self.o.valid | self.o.ready),
            end.eq(left == 1),
            final.eq(end & (rows == 1)),
            opens.eq((~active | final) & playable & self.i_play.valid),
            self.i_play.ready.eq(playable & (~active | (final & move))),
        ]
        # Ready of the output comes late: it only enables.
        with m.If(~active | move):
            m.d.sync += active.eq((active & ~final) | opens)
            with m.If(opens):
                m.d.sync += [address.eq(play.first), rows.eq(play.times), left.eq(play.count), count.eq(play.count)]
            with m.Elif(active):
                m.d.sync += [address.eq(address + 1), left.eq(Mux(end, count, left - 1)), rows.eq(rows - end)]
                if config.loaded:
                    with m.If(final):  # the next load starts there
                        m.d.sync += address.eq(0)

        last = Signal(reset_less=True)
        with m.If(move):
            m.d.sync += [held.eq(active), last.eq(end)]
        if not config.output_register:
            m.d.comb += [self.o.valid.eq(held), self.o.payload.data.eq(data), self.o.payload.last.eq(last)]
            return m
        payload = Signal(self.o.payload.shape(), reset_less=True)
        m.d.comb += self.o.payload.eq(payload)
        with m.If(move):
            m.d.sync += [self.o.valid.eq(held), payload.data.eq(data), payload.last.eq(last)]
        return m

    def _load(self, m: Module, address: Signal, idle: Value) -> tuple[list[Value], Value]:
        """Take load beats while idle; give each column's write enable, and whether a play may start.

        A write may spoil the read register of a memory with one port: a held word keeps it waiting.
        """
        columns = self.config.columns
        whole = Signal()  # a load has ended
        write = Signal()
        full = Signal()  # the beat ends a word
        column = Signal(range(columns))
        m.d.comb += [
            self.i_load.ready.eq(idle),
            write.eq(self.i_load.valid & idle),
            full.eq(column == columns - 1),
        ]
        with m.If(write):
            m.d.sync += [whole.eq(self.i_load.payload.last), address.eq(address + full)]
            m.d.sync += column.eq(Mux(full, 0, column + 1))
            with m.If(self.i_load.payload.last):
                m.d.sync += [address.eq(0), column.eq(0)]
        enables = [write & (column == index) for index in range(columns)]
        return enables, whole & ~self.i_load.valid

    def _memory(self, m: Module, address: Signal, step: Value, writes: list[Value]) -> Value:
        """Build the memory: one with column enables, or one for each column where blocks are narrow."""
        config = self.config
        init = () if config.loaded else config.contents
        one = config.memory == "block"
        parts = [writes] if one else [[write] for write in writes]
        words = []
        for index, enables in enumerate(parts):
            bits = config.width if one else config.load_bits
            attributes = {"uninitialised": 1} if config.loaded else {}
            table = Memory(shape=bits, depth=config.depth, init=init, attrs=attributes)
            m.submodules[f"table_{index}"] = table
            if enables:
                writer = table.write_port(granularity=config.load_bits)
                m.d.comb += [writer.addr.eq(address), writer.en.eq(Cat(enables))]
                m.d.comb += writer.data.eq(self.i_load.payload.data.replicate(len(enables)))
            reader = table.read_port()
            m.d.comb += [reader.addr.eq(address), reader.en.eq(step)]
            words.append(reader.data)
        return Cat(words)
