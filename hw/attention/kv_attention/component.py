# SPDX-License-Identifier: BSD-2-Clause
"""Causal attention over a cache."""

from functools import reduce
from typing import Any

from amaranth import Module, Mux
from amaranth.lib import stream

from gatewright.hw.attention.kv_attention.array import Array
from gatewright.hw.attention.kv_attention.config import KvAttentionConfig
from gatewright.hw.attention.kv_attention.intake import Intake
from gatewright.hw.attention.kv_attention.results import Results
from gatewright.hw.attention.kv_attention.walks import Walks
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.nonlinear.softmax.component import Softmax
from gatewright.hw.quantise.requantise.component import Requantise


class KvAttention(RoomComponent):
    """Walk through a head's keys, later through its values, with one array.

    Members
    -------
    i_job : In(stream)
        ``layer``, ``position``, ``more`` if queries > 1, scales: a token, or a block of them.
    i_q, i_k, i_v : In(stream)
        ``x`` (lanes,), ``last``: its rows.
    o : Out(stream)
        ``y`` (lanes,), ``last``: a row per token.
    """

    config: KvAttentionConfig
    i_job: stream.Interface
    i_q: stream.Interface
    i_k: stream.Interface
    i_v: stream.Interface
    o: stream.Interface

    def __init__(self, config: KvAttentionConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Connect intake, walks, array, softmaxes and accumulators."""
        m, config = Module(), self.config
        intake = Intake(m, config)
        walks, array, results = Walks(m, config, intake), Array(m, config), Results(m, config)
        m.submodules.scorer = scorer = Requantise(config.scorer)
        units = [Softmax(config.softmax) for _ in range(config.columns)]
        for index, unit in enumerate(units):
            m.submodules[f"softmax_{index}"] = unit

        intake.build(self, walks.idle, walks.current.position)
        walks.build(reduce(lambda a, b: a & b, [unit.o.valid for unit in units]), results.taken)
        array.build(walks, intake.cache, intake.queries, [list(unit.o.payload.p) for unit in units])
        results.build(walks, array, self.o)

        # No walk through keys begins before the softmaxes have places for it, and two never end in successive
        # cycles: a score never waits.
        late, scores = array.slot[config.dot_stage], scorer.i.payload
        first, second = (flight.rest for flight in walks.flights)
        m.d.comb += [
            scorer.i.valid.eq(array.key[config.dot_stage]), scores.last.eq(array.last[config.dot_stage]),
            scores.multiplier.eq(Mux(late, second["score_multiplier"], first["score_multiplier"])),
            scores.shift.eq(Mux(late, second["score_shift"], first["score_shift"])), scorer.o.ready.eq(1),
        ]  # fmt: skip
        for index, unit in enumerate(units):
            m.d.comb += [
                unit.o.ready.eq(array.value[2]), unit.i.valid.eq(scorer.o.valid),
                unit.i.payload.last.eq(scorer.o.payload.last),
            ]  # fmt: skip
            for token in range(config.tokens):
                at = index * config.tokens + token
                m.d.comb += [
                    scores.acc[at].eq(array.dots[at]), unit.i.payload.score[token].eq(scorer.o.payload.q[at]),
                ]  # fmt: skip
                if config.softmax.mask == "keep":
                    most = index // config.parallel if config.queries > 1 else config.tokens - 1 - token
                    m.d.comb += unit.i.payload.keep[token].eq(array.hidden <= most)
        return m
