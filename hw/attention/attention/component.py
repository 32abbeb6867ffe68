# SPDX-License-Identifier: BSD-2-Clause
"""Attention engine."""

from functools import reduce
from typing import Any

from amaranth import Module, Signal, Value
from amaranth.lib import stream

from gatewright.hw.attention.attention.config import AttentionConfig
from gatewright.hw.attention.attention.matrix import Matrix
from gatewright.hw.attention.attention.rows import Unit
from gatewright.hw.attention.attention.scores import Scale, Scorer
from gatewright.hw.attention.attention.values import Summer
from gatewright.hw.core.streams import RoomComponent


class Attention(RoomComponent):
    """Score, normalise and sum, three walks that overlap.

    Members
    -------
    i_q, i_k, i_v : In(stream)
        ``x`` (lanes,), ``last``: rows of queries, keys and values.
    i_scale : In(stream)
        Multiplier and shift of scores and results, once per sequence.
    o : Out(stream)
        ``y`` (lanes,), ``last``: a row per query.

    A walk waits where another's position says that a row is not there, or that a place is still to
    be read. Nobody waits for someone who is further on, so no order of waits closes a circle.
    """

    config: AttentionConfig
    i_q: stream.Interface
    i_k: stream.Interface
    i_v: stream.Interface
    i_scale: stream.Interface
    o: stream.Interface

    def __init__(self, config: AttentionConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Connect memories, scorer, softmaxes and summer."""
        m = Module()
        config = self.config
        queries, keys, values = (
            Matrix(m, config, port, name)
            for port, name in ((self.i_q, "queries"), (self.i_k, "keys"), (self.i_v, "values"))
        )
        self.reads = {"queries": queries.read, "keys": keys.read, "values": values.read}
        scorer, summer = Scorer(m, config, queries, keys), Summer(m, config, values)
        units = [Unit(m, config, unit) for unit in range(config.units)]

        scores = scorer.build(self._sequence(m, scorer, summer))
        probabilities: dict[int, Value] = {}
        for unit in units:
            unit.read_scores(scores, scorer.written)
            found = unit.write_probabilities(summer.summed, summer.read)
            probabilities |= dict(zip(unit.slots, found, strict=True))
        m.d.comb += [
            scorer.blocked.eq(reduce(lambda a, b: a | b, [unit.behind(scorer.issued) for unit in units])),
            summer.missing.eq(reduce(lambda a, b: a | b, [unit.missing(summer.summed) for unit in units])),
        ]
        summer.build([probabilities[slot] for slot in range(config.slots)], self.o)
        return m

    def _sequence(self, m: Module, scorer: Scorer, summer: Summer) -> Value:
        """Take a sequence's scales when the scores of the one before are written; tell that scores are under way.

        The results' scale waits until the sums of the sequence before are complete.
        """
        opened, waits, ready = Signal(name="sequence_opened"), Signal(name="scale_waits"), Signal(name="sequence_ready")
        waiting, payload = Scale.registers(self.config, "next"), self.i_scale.payload
        code = self.config.shift_bits > 0
        m.d.comb += [
            ready.eq(~opened & ~waits & (scorer.issued.turn == scorer.written.turn)),
            self.i_scale.ready.eq(ready),
        ]
        with m.If(summer.takes_scale):
            m.d.sync += waits.eq(0)
            summer.scale.load(m, waiting.multiplier, waiting.shift)
        with m.If(self.i_scale.valid & ready):
            m.d.sync += [opened.eq(1), waits.eq(1)]
            scorer.scale.load(m, payload.score_multiplier, payload.score_shift if code else None)
            waiting.load(m, payload.out_multiplier, payload.out_shift if code else None)
        with m.If(scorer.go & scorer.issued.final):
            m.d.sync += opened.eq(0)
        return opened
