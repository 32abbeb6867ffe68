# SPDX-License-Identifier: BSD-2-Clause
"""Memory of partial sums behind a weight-stationary array."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from gatewright.hw.core.streams import layout
from gatewright.hw.mac.gemm.config import GemmConfig


class Partial(wiring.Component):
    """Add up the rows that the array gives for each slice of K; pass on those of the last slice.

    Members
    -------
    i : In(stream)
        ``sum`` (cols,), ``last``: rows of one slice, as many for every slice.
    o : Out(stream)
        ``sum`` (cols,), ``last``: the finished rows.
    k_tiles : In
        Slices per product.
    enable : In
        Whether ``k_tiles`` holds.
    """

    i: stream.Interface
    o: stream.Interface
    k_tiles: Signal
    enable: Signal

    def __init__(self, config: GemmConfig) -> None:
        self.config = config
        members: dict[str, Any] = {
            "i": In(stream.Signature(layout(config.array.outputs[0]))),
            "o": Out(stream.Signature(layout(config.rows_port))),
            "k_tiles": In(config.k_tiles_max.bit_length()),
            "enable": In(1),
        }
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        """Build the memory, which is read one row ahead, and the adders."""
        m = Module()
        config = self.config
        m.submodules.store = store = memory.Memory(
            shape=config.cols * config.acc_bits, depth=config.m_depth, init=[]
        )
        reader, writer = store.read_port(), store.write_port()
        moved = self.i.valid & self.i.ready

        tile = Signal.like(self.k_tiles)
        following_tile = Signal.like(self.k_tiles)
        first, final = Signal(), Signal()
        m.d.comb += [
            following_tile.eq(tile + 1),
            first.eq(tile == 0),
            final.eq(following_tile == self.k_tiles),
        ]
        with m.If(moved & self.i.payload.last):
            m.d.sync += tile.eq(Mux(final, 0, following_tile))

        # The row that comes next is read while the present one is written. If it is the same row,
        # the read is repeated, a cycle later.
        row = Signal(range(max(2, config.m_depth)))
        following = Signal.like(row)
        again = Signal()
        m.d.comb += [
            following.eq(Mux(self.i.payload.last, 0, row + 1)),
            reader.addr.eq(Mux(moved, following, row)),
            writer.addr.eq(row),
            writer.en.eq(moved & ~final),
        ]
        m.d.sync += again.eq(moved & ~final & self.i.payload.last & (row == 0))
        with m.If(moved):
            m.d.sync += row.eq(following)

        use = self.enable & ~again
        m.d.comb += [
            self.i.ready.eq(use & (~final | self.o.ready)),
            self.o.valid.eq(use & final & self.i.valid),
            self.o.payload.last.eq(self.i.payload.last),
        ]
        for col in range(config.cols):
            before = reader.data.word_select(col, config.acc_bits).as_signed()
            m.d.comb += self.o.payload.sum[col].eq(Mux(first, 0, before) + self.i.payload.sum[col])
        m.d.comb += writer.data.eq(Cat(self.o.payload.sum[col] for col in range(config.cols)))
        return m
