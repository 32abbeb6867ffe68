# SPDX-License-Identifier: BSD-2-Clause
"""The residual row: embedded, read for norms, added to."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from gatewright.hw.accel.lm_core.constants import EMBED_DIGITS, row_words
from gatewright.hw.accel.lm_core.shape import ACT_BITS, WIDE_BITS


def clip(value: Value, bits: int) -> Value:
    """Saturate to ``bits``, two's complement."""
    top = value[bits - 1 :]
    fits = (top == 0) | top.all()
    sign = value[-1]
    return Mux(fits, value[:bits], Cat((~sign).replicate(bits - 1), sign)).as_signed()


class Residual(wiring.Component):
    """Hold the residual row of the token that is under way.

    Members
    -------
    embed : In(1)
        Begin a row with the embedding of ``token``.
    read : In(1)
        Send the row; it must be at rest.
    i : In(stream)
        ``y``: what is added to it, beat by beat. Always ready.
    o : Out(stream)
        ``x``, ``last``.
    done : Out(1)
        The row is embedded, or added to: its last beat is written in this cycle.
    """

    def __init__(self, config: Any) -> None:
        self.config = config
        beat = ArrayLayout(signed(WIDE_BITS), config.outputs_per_cycle)
        super().__init__({
            "embed": In(1), "token": In(range(config.vocab)), "read": In(1), "done": Out(1),
            "i": In(stream.Signature(StructLayout({"y": beat}))),
            "o": Out(stream.Signature(StructLayout({"x": beat, "last": 1}))),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        """Two counters: of beats read or embedded, and of beats written."""
        m = Module()
        config = self.config
        lanes = config.outputs_per_cycle
        beats = config.features // lanes
        m.submodules.table = table = Memory(
            shape=ACT_BITS * lanes, depth=config.vocab * beats,
            init=row_words(config.embed, EMBED_DIGITS, ACT_BITS, lanes),
        )  # fmt: skip
        m.submodules.row = row = Memory(shape=WIDE_BITS * lanes, depth=max(2, beats), init=[])
        embedding, get, put = table.read_port(), row.read_port(), row.write_port()
        at, into = Signal(range(max(2, beats))), Signal(range(max(2, beats)))
        embeds, reads = Signal(), Signal()
        ends, move = Signal(), Signal()
        m.d.comb += [
            ends.eq(at == beats - 1), move.eq(~reads | ~self.o.valid | self.o.ready),
            embedding.addr.eq(self.token * beats + at), get.addr.eq(at), get.en.eq(move),
        ]  # fmt: skip
        with m.If((embeds | reads | self.i.valid) & move):
            m.d.sync += at.eq(Mux(ends, 0, at + 1))
            with m.If(ends):
                m.d.sync += [embeds.eq(0), reads.eq(0)]
        with m.If(self.embed):
            m.d.sync += embeds.eq(1)
        with m.If(self.read):
            m.d.sync += reads.eq(1)
        with m.If(reads & move):
            m.d.sync += [self.o.valid.eq(1), self.o.payload.last.eq(ends)]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        m.d.comb += [self.i.ready.eq(1), self.o.payload.x.as_value().eq(get.data)]
        self._write(m, embedding.data, get.data, put, (embeds, into, beats))
        return m

    def _write(self, m: Module, embedded: Value, old: Value, put: Any, state: tuple[Signal, Signal, int]) -> None:
        """Write what the memories showed a cycle before: an embedding, or the old row and what is added."""
        (embeds, into, beats), lanes = state, self.config.outputs_per_cycle
        from_table, added = Signal(), Signal()
        change, total = Signal(WIDE_BITS * lanes, reset_less=True), Signal(WIDE_BITS * lanes, reset_less=True)
        written = Signal()
        m.d.sync += [from_table.eq(embeds), added.eq(self.i.valid), change.eq(self.i.payload.y.as_value())]
        m.d.sync += written.eq(from_table | added)
        values = []
        for lane in range(lanes):
            wide = embedded.word_select(lane, ACT_BITS).as_signed() << self.config.embed_shift
            terms = [part.word_select(lane, WIDE_BITS).as_signed() for part in (old, change)]
            whole = Signal(signed(WIDE_BITS + 1), name=f"sum_{lane}")
            kept = Signal(signed(WIDE_BITS), name=f"kept_{lane}")
            m.d.comb += [whole.eq(terms[0] + terms[1]), kept.eq(Mux(from_table, wide, clip(whole, WIDE_BITS)))]
            values.append(kept)
        m.d.sync += total.eq(Cat(values))
        m.d.comb += [
            put.addr.eq(into), put.data.eq(total), put.en.eq(written), self.done.eq(written & (into == beats - 1)),
        ]  # fmt: skip
        with m.If(written):
            m.d.sync += into.eq(Mux(into == beats - 1, 0, into + 1))
