# SPDX-License-Identifier: BSD-2-Clause
"""From scores to probabilities: a softmax between two memories, row by row."""

from amaranth import Cat, Module, Signal, Value

from gatewright.hw.attention.attention.config import AttentionConfig
from gatewright.hw.attention.attention.matrix import storage
from gatewright.hw.attention.attention.scores import Scores
from gatewright.hw.attention.attention.walk import Rows, Steps, ahead
from gatewright.hw.nonlinear.softmax.component import Softmax


class Unit:
    """One softmax, the scores of its slots, and their probabilities.

    Both memories hold, for each of two blocks, key and head, a word of all slots of the unit: what a
    slot works on at that step, of this block's query or of the one before.

    Attributes
    ----------
    feed, fill : Rows
        The row that is read, and the one that is written.
    """

    def __init__(self, m: Module, config: AttentionConfig, unit: int) -> None:
        self.m, self.config, self.unit = m, config, unit
        self.feed, self.fill = Rows(config, unit, f"feed_{unit}"), Rows(config, unit, f"fill_{unit}")
        self.slots = list(config.slots_of(unit))
        self.depth = (config.tokens * 2) << (config.heads - 1).bit_length()
        m.submodules[f"softmax_{unit}"] = self.softmax = Softmax(config.softmax)

    def read_scores(self, scores: Scores, written: Steps) -> None:
        """Keep scores; feed a row when its last score is there."""
        m, config, feed = self.m, self.config, self.feed
        bits = config.score_bits
        memory = storage(m, f"scores_{self.unit}", bits * len(self.slots), self.depth)
        write, read = memory.write_port(granularity=bits), memory.read_port()
        held, last = Signal(name="score_held"), Signal(name="score_last", reset_less=True)
        whole, move = Signal(name="row_whole"), Signal(name="score_moves")
        distance = ahead(m, written.turn, feed.turn, f"written_{self.unit}")
        m.d.comb += [
            write.addr.eq(scores.address),
            write.data.eq(Cat(scores.values[slot] for slot in self.slots)),
            write.en.eq(Cat(scores.picks[slot] for slot in self.slots)),
            whole.eq(self._two(distance) | ((distance == 1) & feed.reached(written))),
            move.eq(~held | self.softmax.i.ready),
            read.addr.eq(_address(feed)), read.en.eq(whole & move),
            self.softmax.i.valid.eq(held), self.softmax.i.payload.last.eq(last),
        ]  # fmt: skip
        feed.build(m, read.en)
        place = Signal(len(feed.place.value), name="score_place", reset_less=True) if len(self.slots) > 1 else None
        with m.If(move):
            m.d.sync += [held.eq(whole), last.eq(feed.last)]
            if place is not None:
                m.d.sync += place.eq(feed.place.value)
        score = read.data if place is None else read.data.word_select(place, bits)
        m.d.comb += self.softmax.i.payload.score[0].eq(score)

    def write_probabilities(self, summed: Steps, read: Value) -> list[Value]:
        """Keep probabilities when the sums no longer need those before; give each slot's, a cycle after ``read``."""
        m, config, fill = self.m, self.config, self.fill
        bits = config.prob_bits
        memory = storage(m, f"probabilities_{self.unit}", bits * len(self.slots), self.depth)
        write, reader = memory.write_port(granularity=bits), memory.read_port()
        free, put = Signal(name="place_free"), Signal(name="probability_put")
        self.distance = distance = ahead(m, fill.turn, summed.turn, f"fill_{self.unit}")
        m.d.comb += [
            free.eq((distance == 0) | ((distance == 1) & fill.reached(summed))),
            self.softmax.o.ready.eq(free), put.eq(self.softmax.o.valid & free),
            write.addr.eq(_address(fill)),
            write.data.eq(self.softmax.o.payload.p[0].replicate(len(self.slots))),
            write.en.eq(Cat(put & at for at in _places(fill, len(self.slots)))),
            reader.addr.eq(Cat(summed.head.value, summed.turn[0], summed.key.value)), reader.en.eq(read),
        ]  # fmt: skip
        fill.build(m, put)
        return [reader.data.word_select(place, bits) for place in range(len(self.slots))]

    def behind(self, issued: Steps) -> Value:
        """Tell whether the place of a step's scores is still to be read, two blocks ago."""
        distance = ahead(self.m, issued.turn, self.feed.turn, f"read_{self.unit}")
        return self._two(distance) & (self.feed.reached(issued) | distance[0])

    def _two(self, distance: Value) -> Value:
        """Tell two blocks ahead from one behind; with three bits also three blocks ahead."""
        return (distance == 2) if len(distance) == 2 else ~distance[2] & distance[1]

    def missing(self, summed: Steps) -> Value:
        """Tell whether a probability of a step is still to be written; after `write_probabilities`."""
        return (self.distance == 0) & self.fill.reached(summed)


def _address(rows: Rows) -> Value:
    """Give the place of a row's element: head, block modulo 2, key."""
    return Cat(rows.head.value, rows.turned, rows.key)


def _places(rows: Rows, count: int) -> list[Value]:
    """Tell for each place whether the row's slot is there."""
    return [rows.place.value == place for place in range(count)] if count > 1 else [rows.place.last]
