# SPDX-License-Identifier: BSD-2-Clause
"""Selection."""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream

from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.moe.topk.config import TopkConfig


class Topk(RoomComponent):
    """Keep the best of a row sorted while it comes in; give them while the next row does.

    Members
    -------
    i : In(stream)
        ``score``, ``tag`` if there is one, ``last``.
    o : Out(stream)
        ``score``, ``id``, ``tag``, ``last``.
    """

    config: TopkConfig
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: TopkConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Insert every candidate where it belongs; the row's last one goes straight to the output with the others."""
        m = Module()
        config, beat = self.config, self.i.payload
        place = Signal(range(config.candidates_max))
        entry = Cat(beat.score, place, beat.tag) if config.tag_bits else Cat(beat.score, place)

        # What the row's last candidate alone could fill needs no register here.
        slots = min(config.k, config.candidates_max - 1)
        held = Signal(slots)  # thermometer
        best = [Signal(len(entry), name=f"best_{slot}", reset_less=True) for slot in range(slots)]
        merged = self._insert(m, entry, best, held)
        one_more = Cat(1, held)[: config.k]

        o_held = Signal(config.k)
        o_best = [Signal(len(entry), name=f"o_best_{slot}", reset_less=True) for slot in range(config.k)]
        ends = o_held[1] == 0 if config.k > 1 else Const(1)
        take = Signal()
        m.d.comb += [
            self.i.ready.eq(~beat.last | ~self.o.valid | (self.o.ready & ends)),
            take.eq(self.i.valid & self.i.ready),
            self.o.valid.eq(o_held[0]),
            self.o.payload.last.eq(ends),
        ]
        with m.If(take):
            m.d.sync += [Cat(best).eq(Cat(merged)), held.eq(one_more), place.eq(place + 1)]
            with m.If(beat.last):
                m.d.sync += [held.eq(0), place.eq(0)]
        with m.If(take & beat.last):
            m.d.sync += [Cat(o_best).eq(Cat(merged)), o_held.eq(one_more)]
        with m.Elif(self.o.ready):
            m.d.sync += [Cat(o_best[:-1]).eq(Cat(o_best[1:])), o_held.eq(o_held[1:])]

        score, following = o_best[0][: config.score_bits], config.score_bits + len(place)
        m.d.comb += [self.o.payload.score.eq(score), self.o.payload.id.eq(o_best[0][config.score_bits : following])]
        if config.tag_bits:
            m.d.comb += self.o.payload.tag.eq(o_best[0][following:])
        return m

    def _insert(self, m: Module, entry: Value, best: list[Signal], held: Signal) -> list[Value]:
        """Give the slots with the candidate in its place: those it beats move down by one.

        Only a strictly greater score beats: of equal ones the earlier stays in front.
        """
        score = self.i.payload.score
        beats = Signal(len(best))  # sorted slots: once one is beaten, so are all behind it
        m.d.comb += beats.eq(
            Cat(~full | (score > slot[: len(score)].as_signed()) for full, slot in zip(held, best, strict=True))
        )
        merged: list[Value] = []
        for slot in range(self.config.k):
            passed = Mux(beats[slot - 1], best[slot - 1], entry) if slot else entry
            merged.append(Mux(beats[slot], passed, best[slot]) if slot < len(best) else passed)
        return merged
