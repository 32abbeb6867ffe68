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
        """Insert every candidate where it belongs; a whole row moves on to the registers that it leaves from."""
        m = Module()
        config, beat = self.config, self.i.payload
        place = Signal(range(config.candidates_max))
        # Scores count from the smallest, so that a carry alone compares them.
        entry = Cat(beat.score[:-1], ~beat.score[-1], place, *([beat.tag] if config.tag_bits else []))

        held, o_held = Signal(config.k), Signal(config.k)  # thermometers
        best = [Signal(len(entry), name=f"best_{slot}", reset_less=True) for slot in range(config.k)]
        o_best = [Signal(len(entry), name=f"o_best_{slot}", reset_less=True) for slot in range(config.k)]
        whole = Signal()  # a row has ended and has not moved on yet
        ends = o_held[1] == 0 if config.k > 1 else Const(1)
        free, take = Signal(), Signal()
        m.d.comb += [
            free.eq(~self.o.valid | (self.o.ready & ends)),
            self.i.ready.eq(~whole | free),
            take.eq(self.i.valid & self.i.ready),
        ]
        before = held & ~whole.replicate(config.k)  # what the next candidate finds
        with m.If(take):
            m.d.sync += [
                Cat(best).eq(Cat(self._insert(m, entry, best, before))),
                held.eq(Cat(1, before)),
                place.eq(Mux(beat.last, 0, place + 1)),
                whole.eq(beat.last),
            ]
        with m.Elif(free & whole):
            m.d.sync += [whole.eq(0), held.eq(0)]
        with m.If(whole & free):
            m.d.sync += [Cat(o_best).eq(Cat(best)), o_held.eq(held)]
        with m.Elif(self.o.ready):
            m.d.sync += [Cat(o_best[:-1]).eq(Cat(o_best[1:])), o_held.eq(o_held[1:])]
        self._give(m, o_best[0], len(place))
        m.d.comb += [self.o.valid.eq(o_held[0]), self.o.payload.last.eq(ends)]
        return m

    def _insert(self, m: Module, entry: Value, best: list[Signal], held: Value) -> list[Value]:
        """Give the slots with the candidate in its place: those that it beats move down by one.

        Only a strictly greater score beats: of equal ones the earlier stays in front.
        """
        bits = self.config.score_bits
        beats = Signal(self.config.k)  # sorted slots: once one is beaten, so are all behind it
        m.d.comb += beats.eq(Cat(~full | (entry[:bits] > slot[:bits]) for full, slot in zip(held, best, strict=True)))
        passed = [entry, *(Mux(beats[slot], best[slot], entry) for slot in range(self.config.k - 1))]
        return [Mux(beats[slot], passed[slot], best[slot]) for slot in range(self.config.k)]

    def _give(self, m: Module, entry: Value, place_bits: int) -> None:
        """Take an entry apart."""
        bits, payload = self.config.score_bits, self.o.payload
        m.d.comb += [
            payload.score.eq(Cat(entry[: bits - 1], ~entry[bits - 1])),
            payload.id.eq(entry[bits : bits + place_bits]),
        ]
        if self.config.tag_bits:
            m.d.comb += payload.tag.eq(entry[bits + place_bits :])
