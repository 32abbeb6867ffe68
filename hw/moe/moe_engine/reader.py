# SPDX-License-Identifier: BSD-2-Clause
"""Read rows of one of several memories in the order in which the linear engine wants them."""

from collections.abc import Sequence
from typing import Any

from amaranth import Array, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out


class RowReader(wiring.Component):
    """Give a row's beats, again and again for int8 weights: once for each tile of outputs.

    Parameters
    ----------
    ports : sequence
        Read port of each memory; a word is a beat.
    sources, blocks, tiles : sequence of int
        For each kind of row: its memory, its beats, and how often it is sent.
    tokens : int
        Rows.

    Members
    -------
    i : In(stream)
        ``kind``, and ``token``, the row.
    o : Out(stream)
        ``x``, ``last`` with a row's last beat. Two cycles after the command; rows follow each other without a gap.
    """

    def __init__(
        self, ports: Sequence[Any], sources: Sequence[int], blocks: Sequence[int], tiles: Sequence[int], tokens: int
    ) -> None:
        self.ports, self.sources, self.blocks, self.tiles = ports, sources, blocks, tiles
        command = data.StructLayout({"kind": range(len(sources)), "token": range(tokens)})
        beat = data.StructLayout({"x": unsigned(len(ports[0].data)), "last": 1})
        super().__init__({"i": In(stream.Signature(command)), "o": Out(stream.Signature(beat))})

    def elaborate(self, platform: Any) -> Module:
        """Count beats and repeats; the memories' read registers are the output."""
        m = Module()
        kind, active = Signal.like(self.i.payload.kind, reset_less=True), Signal()
        base = Signal(range(max(len_of(port) for port in self.ports)), reset_less=True)
        block, tile = Signal(range(max(self.blocks))), Signal(range(max(self.tiles)))
        move, row_ends, done = Signal(), Signal(), Signal()
        m.d.comb += [
            move.eq(~self.o.valid | self.o.ready),
            row_ends.eq(block == pick([count - 1 for count in self.blocks], kind)),
            done.eq(row_ends & (tile == pick([count - 1 for count in self.tiles], kind))),
            self.i.ready.eq(~active | (move & done)),
        ]
        with m.If(active & move):
            m.d.sync += block.eq(Mux(row_ends, 0, block + 1))
            with m.If(row_ends):
                m.d.sync += tile.eq(Mux(done, 0, tile + 1))
            with m.If(done):
                m.d.sync += active.eq(0)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [active.eq(1), kind.eq(self.i.payload.kind)]
            m.d.sync += base.eq(self.i.payload.token * pick(self.blocks, self.i.payload.kind))
        came = Signal(range(len(self.ports)), reset_less=True)
        for port in self.ports:
            m.d.comb += [port.addr.eq(base + block), port.en.eq(move)]
        with m.If(move):
            m.d.sync += [self.o.valid.eq(active), self.o.payload.last.eq(row_ends), came.eq(pick(self.sources, kind))]
        words = [port.data for port in self.ports]
        m.d.comb += self.o.payload.x.eq(words[0] if len(words) == 1 else Array(words)[came])
        return m


def len_of(port: Any) -> int:
    """Give the words that a port's address tells apart."""
    return 1 << len(port.addr)


def pick(values: Sequence[int], index: Value) -> Value:
    """Choose among constants."""
    if len(set(values)) == 1:
        return Const(values[0])
    chosen: Value = Array(Const(value, unsigned(max(values).bit_length())) for value in values)[index]
    return chosen
