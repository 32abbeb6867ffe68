# SPDX-License-Identifier: BSD-2-Clause
"""Gate."""

from collections.abc import Sequence
from typing import Any

from amaranth import Array, Const, Module, Value, unsigned
from amaranth.lib import stream

from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.dataflow.fifo.component import Fifo
from gatewright.hw.moe.moe_gate.config import MoeGateConfig
from gatewright.hw.moe.moe_gate.logits import Logits
from gatewright.hw.moe.topk.component import Topk
from gatewright.hw.nonlinear.softmax.component import Softmax
from gatewright.hw.quantise.requantise.component import Requantise


class MoeGate(RoomComponent):
    """Score, weigh and choose experts.

    Members
    -------
    i : In(stream)
        ``x`` (lanes,), ``gate`` if there are several, ``last``.
    o : Out(stream)
        ``expert``, ``weight``, ``last``.
    """

    config: MoeGateConfig
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: MoeGateConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Chain linear layer, requantiser, softmax and choice, the last two in the order that ``over`` says."""
        m = Module()
        m.submodules.topk = topk = Topk(self.config.topk)
        scores = self._scores(m)
        if self.config.softmax is None:
            self._choose_one(m, scores, topk)
            return m
        m.submodules.softmax = softmax = Softmax(self.config.softmax)
        m.submodules.beside = beside = Fifo(self.config.beside)
        weigh = self._weigh_all if self.config.over == "all" else self._weigh_chosen
        weigh(m, scores, topk, softmax, beside)
        return m

    def _scores(self, m: Module) -> stream.Interface:
        """Multiply, then scale as the token's gate says."""
        config = self.config
        m.submodules.logits = logits = Logits(config)
        m.submodules.requantise = requantise = Requantise(config.requantise)
        least = min(config.shifts)
        multiplier = _pick(config.multipliers, config.requantise.multiplier_bits, logits.o.payload.gate)
        code = _pick([shift - least for shift in config.shifts], config.requantise.shift_bits, logits.o.payload.gate)
        m.d.comb += [
            logits.i.payload.eq(self.i.payload),
            logits.i.valid.eq(self.i.valid),
            self.i.ready.eq(logits.i.ready),
            requantise.i.payload.acc[0].eq(logits.o.payload.acc),
            requantise.i.payload.multiplier.eq(multiplier),
            requantise.i.payload.last.eq(logits.o.payload.last),
            requantise.i.valid.eq(logits.o.valid),
            logits.o.ready.eq(requantise.i.ready),
        ]
        if config.requantise.shift_bits:
            m.d.comb += requantise.i.payload.shift.eq(code)
        return requantise.o

    def _choose_one(self, m: Module, scores: stream.Interface, topk: Topk) -> None:
        """Give the best one a weight of 1."""
        _choose(m, scores, topk)
        m.d.comb += [
            self.o.payload.expert.eq(topk.o.payload.id),
            self.o.payload.weight.eq(~Const(0, self.config.weight_bits)),
            self.o.payload.last.eq(topk.o.payload.last),
            self.o.valid.eq(topk.o.valid),
            topk.o.ready.eq(self.o.ready),
        ]

    def _weigh_all(self, m: Module, scores: stream.Interface, topk: Topk, softmax: Softmax, beside: Fifo) -> None:
        """Choose by score, the weight beside it; two registers keep the choice's ready out of the softmax."""
        m.submodules.between = between = Fifo(self.config.between)
        _split(m, scores, softmax.i, beside.i)
        m.d.comb += [
            softmax.i.payload.score[0].eq(scores.payload.q[0]),
            softmax.i.payload.last.eq(scores.payload.last),
            beside.i.payload.data.eq(scores.payload.q[0]),
        ]
        m.d.comb += [
            between.i.payload.data.eq(softmax.o.payload.p[0]),
            between.i.payload.last.eq(softmax.o.payload.last),
            between.i.valid.eq(softmax.o.valid),
            softmax.o.ready.eq(between.i.ready),
        ]
        _unite(m, between.o, beside.o, topk.i)
        m.d.comb += [
            topk.i.payload.score.eq(beside.o.payload.data),
            topk.i.payload.tag.eq(between.o.payload.data),
            topk.i.payload.last.eq(between.o.payload.last),
            self.o.payload.expert.eq(topk.o.payload.id),
            self.o.payload.weight.eq(topk.o.payload.tag),
            self.o.payload.last.eq(topk.o.payload.last),
            self.o.valid.eq(topk.o.valid),
            topk.o.ready.eq(self.o.ready),
        ]

    def _weigh_chosen(self, m: Module, scores: stream.Interface, topk: Topk, softmax: Softmax, beside: Fifo) -> None:
        """Choose, then weigh what is chosen; the experts' numbers wait beside the softmax."""
        _choose(m, scores, topk)
        _split(m, topk.o, softmax.i, beside.i)
        m.d.comb += [
            softmax.i.payload.score[0].eq(topk.o.payload.score),
            softmax.i.payload.last.eq(topk.o.payload.last),
            beside.i.payload.data.eq(topk.o.payload.id),
        ]
        _unite(m, softmax.o, beside.o, self.o)
        m.d.comb += [
            self.o.payload.expert.eq(beside.o.payload.data),
            self.o.payload.weight.eq(softmax.o.payload.p[0]),
            self.o.payload.last.eq(softmax.o.payload.last),
        ]


def _pick(values: Sequence[int], bits: int, gate: Value) -> Value:
    """Look a gate's constant up."""
    constants = [Const(value, unsigned(bits)) for value in values]
    return constants[0] if len(set(values)) == 1 else Array(constants)[gate]


def _choose(m: Module, scores: stream.Interface, topk: Topk) -> None:
    """Send scores to the choice."""
    m.d.comb += [
        topk.i.payload.score.eq(scores.payload.q[0]),
        topk.i.payload.last.eq(scores.payload.last),
        topk.i.valid.eq(scores.valid),
        scores.ready.eq(topk.i.ready),
    ]


def _split(m: Module, source: stream.Interface, first: stream.Interface, second: stream.Interface) -> None:
    """Give every beat to both at once; inside the room nobody minds that valid follows the other's ready."""
    m.d.comb += [
        first.valid.eq(source.valid & second.ready),
        second.valid.eq(source.valid & first.ready),
        source.ready.eq(first.ready & second.ready),
    ]


def _unite(m: Module, first: stream.Interface, second: stream.Interface, sink: stream.Interface) -> None:
    """Take a beat of both at once."""
    m.d.comb += [
        sink.valid.eq(first.valid & second.valid),
        first.ready.eq(sink.ready & second.valid),
        second.ready.eq(sink.ready & first.valid),
    ]
