# SPDX-License-Identifier: BSD-2-Clause
"""What mixes a token with those before it: attention over a cache, or a linear recurrence."""

from typing import Any

from amaranth import Array, Const, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.wiring import In, Out

from gatewright.hw.accel.lm_core.constants import ROW_DIGITS, row_words
from gatewright.hw.accel.lm_core.program import Part
from gatewright.hw.accel.lm_core.rows import clip
from gatewright.hw.accel.lm_core.shape import ACT_BITS, FORGET_BITS, WIDE_BITS
from gatewright.hw.attention.kv_attention.component import KvAttention
from gatewright.hw.attention.rope.component import Rope
from gatewright.hw.dataflow.fifo.component import Fifo
from gatewright.hw.memory.weight_store.component import WeightStore
from gatewright.hw.nonlinear.gated.component import Gated
from gatewright.hw.nonlinear.mlgru.component import Mlgru
from gatewright.hw.nonlinear.norm.component import Norm


class Mixer(wiring.Component):
    """Take the results of a layer's first matrix, give a row for the norm before its last projection.

    Members
    -------
    i : In(stream)
        ``y`` (outputs_per_cycle,) signed 16, ``part``, ``last`` of a part.
    i_job : In(stream)
        ``layer``, ``position``: the token whose results come.
    o : Out(stream)
        ``x`` signed 16, ``last``.
    """

    def __init__(self, config: Any, lanes: int) -> None:
        self.config = config
        size = config.outputs_per_cycle
        beat = StructLayout({"y": ArrayLayout(signed(WIDE_BITS), size), "part": 3, "last": 1})
        job = StructLayout({"layer": range(max(2, config.layers)), "position": range(config.context), "first": 1})
        super().__init__({
            "i": In(stream.Signature(beat)), "i_job": In(stream.Signature(job)),
            "o": Out(stream.Signature(StructLayout({"x": ArrayLayout(signed(WIDE_BITS), lanes), "last": 1}))),
        })  # fmt: skip


class AttentionMixer(Mixer):
    """Rotate queries and keys, then attend."""

    def __init__(self, config: Any) -> None:
        super().__init__(config, config.outputs_per_cycle)

    def elaborate(self, platform: Any) -> Module:
        """Join rotation and attention; a token's queries come first, then its keys, then its values."""
        m = Module()
        config, beat, job = self.config, self.i.payload, self.i_job
        m.submodules.rope = rope = Rope(config.rope)
        m.submodules.attention = attention = KvAttention(config.attention)
        is_value, position = Signal(), Signal(range(config.context), reset_less=True)
        with m.If(job.valid & job.ready):
            m.d.sync += position.eq(job.payload.position)
        value, turned = attention.i_v, rope.o
        m.d.comb += [
            is_value.eq(beat.part == Part.VALUE), rope.i.valid.eq(self.i.valid & ~is_value),
            value.valid.eq(self.i.valid & is_value), self.i.ready.eq(Mux(is_value, value.ready, rope.i.ready)),
            rope.i.payload.x.as_value().eq(beat.y.as_value()), rope.i.payload.last.eq(beat.last),
            rope.i.payload.position.eq(position), value.payload.last.eq(beat.last),
        ]  # fmt: skip
        is_key = Signal()
        for port, chosen in ((attention.i_q, ~is_key), (attention.i_k, is_key)):
            m.d.comb += [
                port.valid.eq(turned.valid & chosen), port.payload.x.as_value().eq(turned.payload.y.as_value()),
                port.payload.last.eq(turned.payload.last),
            ]  # fmt: skip
        m.d.comb += turned.ready.eq(Mux(is_key, attention.i_k.ready, attention.i_q.ready))
        with m.If(turned.valid & turned.ready & turned.payload.last):
            m.d.sync += is_key.eq(~is_key)
        for lane, element in enumerate(beat.y):
            m.d.comb += value.payload.x[lane].eq(clip(element, ACT_BITS))
        m.d.comb += [
            attention.i_job.valid.eq(job.valid), job.ready.eq(attention.i_job.ready),
            attention.i_job.payload.layer.eq(job.payload.layer),
            attention.i_job.payload.position.eq(job.payload.position),
            self.o.valid.eq(attention.o.valid), attention.o.ready.eq(self.o.ready),
            self.o.payload.x.as_value().eq(attention.o.payload.y.as_value()),
            self.o.payload.last.eq(attention.o.payload.last),
        ]  # fmt: skip
        for place, name in enumerate(("score_multiplier", "score_shift", "out_multiplier", "out_shift")):
            constants = Array(Const(scales[place], 16) for scales in config.attention_scales)
            m.d.comb += getattr(attention.i_job.payload, name).eq(constants[job.payload.layer])
        return m


class RecurrentMixer(Mixer):
    """Step the state, normalise it, let a gate through it."""

    def __init__(self, config: Any) -> None:
        super().__init__(config, config.half)

    def elaborate(self, platform: Any) -> Module:
        """Join recurrence, norm and gate; output gates wait in a queue for the state."""
        m = Module()
        config, job = self.config, self.i_job
        m.submodules.recurrence = recurrence = Mlgru(config.mlgru)
        words = row_words(config.bounds, ROW_DIGITS, FORGET_BITS, config.half)
        m.submodules.bounds = bounds = cycled(m, config, words, FORGET_BITS * config.half)
        m.d.comb += [
            recurrence.i_job.valid.eq(job.valid), job.ready.eq(recurrence.i_job.ready),
            recurrence.i_job.payload.layer.eq(job.payload.layer), recurrence.i_job.payload.first.eq(job.payload.first),
            recurrence.i_bound.valid.eq(bounds.o.valid), bounds.o.ready.eq(recurrence.i_bound.ready),
            recurrence.i_bound.payload.as_value().eq(bounds.o.payload.data),
        ]  # fmt: skip
        self._take(m, recurrence)
        m.submodules.state_norm = norm = Norm(config.state_norm)
        words = row_words(config.state_gains, ROW_DIGITS, config.gain_bits, config.half)
        m.submodules.state_gains = gains = cycled(m, config, words, config.gain_bits * config.half)
        m.d.comb += [
            norm.i.valid.eq(recurrence.o.valid), recurrence.o.ready.eq(norm.i.ready),
            norm.i.payload.x.as_value().eq(recurrence.o.payload.h.as_value()),
            norm.i.payload.last.eq(recurrence.o.payload.last),
            norm.i_weight.valid.eq(gains.o.valid), gains.o.ready.eq(norm.i_weight.ready),
            norm.i_weight.payload.as_value().eq(gains.o.payload.data),
        ]  # fmt: skip
        self._give(m, norm)
        return m

    def _take(self, m: Module, recurrence: Any) -> None:
        """Send halves of a beat to the recurrence, or gates to their queue."""
        config, beat = self.config, self.i.payload
        m.submodules.gates = self.gates = gates = Fifo(config.gate_queue)
        is_gate, bits = Signal(), config.gate_bits
        m.d.comb += [
            is_gate.eq(beat.part == Part.READ), recurrence.i.valid.eq(self.i.valid & ~is_gate),
            gates.i.valid.eq(self.i.valid & is_gate), self.i.ready.eq(Mux(is_gate, gates.i.ready, recurrence.i.ready)),
            recurrence.i.payload.last.eq(beat.last),
        ]  # fmt: skip
        for lane, element in enumerate(beat.y):
            kept = Signal(signed(bits), name=f"gate_{lane}")
            m.d.comb += [kept.eq(clip(element, bits)), gates.i.payload.data.word_select(lane, bits).eq(kept)]
            target = recurrence.i.payload.f if lane < config.half else recurrence.i.payload.c
            m.d.comb += target[lane % config.half].eq(kept)

    def _give(self, m: Module, norm: Any) -> None:
        """Gate the normalised state, half a beat of gates at a time."""
        config, gates = self.config, self.gates
        m.submodules.gated = gated = Gated(config.state_gated)
        width = config.half * config.gate_bits
        upper, move = Signal(), Signal()
        m.d.comb += [
            gated.i.valid.eq(norm.o.valid & gates.o.valid), norm.o.ready.eq(gated.i.ready & gates.o.valid),
            move.eq(gated.i.valid & gated.i.ready), gates.o.ready.eq(move & upper),
            gated.i.payload.g.as_value().eq(gates.o.payload.data.word_select(upper, width)),
            gated.i.payload.u.as_value().eq(norm.o.payload.q.as_value()), gated.i.payload.last.eq(norm.o.payload.last),
            self.o.valid.eq(gated.o.valid), gated.o.ready.eq(self.o.ready),
            self.o.payload.x.as_value().eq(gated.o.payload.h.as_value()), self.o.payload.last.eq(gated.o.payload.last),
        ]  # fmt: skip
        with m.If(move):
            m.d.sync += upper.eq(~upper)


def cycled(m: Module, config: Any, words: list[int], width: int) -> WeightStore:
    """Give a store that plays its words over and over: a token uses each once, so they stay in step."""
    store = WeightStore(config.store(words, width))
    play = store.i_play
    m.d.comb += [
        play.valid.eq(1), play.payload.first.eq(0), play.payload.count.eq(len(words)), play.payload.times.eq(1),
    ]  # fmt: skip
    return store
