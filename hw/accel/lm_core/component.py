# SPDX-License-Identifier: BSD-2-Clause
"""Core of the language model: the parts, and the streams between them."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import stream

from gatewright.hw.accel.lm_core.config import LmCoreConfig
from gatewright.hw.accel.lm_core.constants import ROW_DIGITS, row_words
from gatewright.hw.accel.lm_core.cut import after, cut
from gatewright.hw.accel.lm_core.engine import Engine
from gatewright.hw.accel.lm_core.host import Host
from gatewright.hw.accel.lm_core.mixers import AttentionMixer, Mixer, RecurrentMixer, cycled
from gatewright.hw.accel.lm_core.program import Kind, Part
from gatewright.hw.accel.lm_core.rows import Residual, clip
from gatewright.hw.accel.lm_core.walk import Walk
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.dataflow.width_up.component import WidthUp
from gatewright.hw.memory.weight_store.component import WeightStore
from gatewright.hw.nonlinear.argmax.component import Argmax
from gatewright.hw.nonlinear.gated.component import Gated
from gatewright.hw.nonlinear.norm.component import Norm


class LmCore(RoomComponent):
    """Take tokens, run the schedule for each, find the next ones.

    One token is under way at a time, and each of its steps needs what the step before gave: a stream from one unit
    to the next never waits.

    Members
    -------
    i : In(stream)
        ``data`` signed 8, ``last``, ``good``.
    o : Out(stream)
        ``data`` signed 8, ``last``.
    """

    config: LmCoreConfig
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: LmCoreConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Make the parts, then join them along the way of a row."""
        m = Module()
        config = self.config
        m.submodules.host = self.host = Host(config)
        m.submodules.residual = self.residual = Residual(config)
        m.submodules.engine = self.engine = Engine(config)
        self.mixer: Mixer = (AttentionMixer if config.family == "transformer" else RecurrentMixer)(config)
        m.submodules.mixer = self.mixer
        m.submodules.gated = self.gated = Gated(config.gated)
        m.submodules.argmax = self.argmax = Argmax(config.argmax)
        self.rows: list[Any] = []  # streams of normalised rows, one of which has something at a time
        self._norms(m)
        self._inner_norms(m)
        self._engine_input(m)
        self._results(m)
        self._sequence(m)
        self._serve(m)
        return m

    # --- norms ---

    def _norms(self, m: Module) -> None:
        """Build the norms of the residual stream."""
        config = self.config
        self.last = Signal()  # the residual row goes to the head
        m.submodules.norm = norm = Norm(config.norm)
        dynamic = config.act == "dynamic"
        source, target = self.residual.o, norm.i
        words = row_words(config.gains, ROW_DIGITS, config.gain_bits, config.outputs_per_cycle)
        width = config.gain_bits * config.outputs_per_cycle
        if dynamic:  # the head takes no scale
            beats = config.features // config.outputs_per_cycle
            m.submodules.last_norm = last_norm = Norm(config.last_norm)
            m.submodules.last_gains = gains = cycled(m, config, words[-beats:], width)
            self._normed(m, last_norm, gains, config.outputs_per_cycle, scaled=False)
            m.submodules.gains = gains = cycled(m, config, words[:-beats], width)
            m.d.comb += [
                last_norm.i.valid.eq(source.valid & self.last), last_norm.i.payload.eq(source.payload),
                source.ready.eq(Mux(self.last, last_norm.i.ready, target.ready)),
                target.valid.eq(source.valid & ~self.last),
            ]  # fmt: skip
        else:
            m.submodules.gains = gains = WeightStore(config.store(words, width))
            self.gains = gains.i_play
            m.d.comb += [target.valid.eq(source.valid), source.ready.eq(target.ready)]
        m.d.comb += target.payload.eq(source.payload)
        self._normed(m, norm, gains, config.outputs_per_cycle)

    def _inner_norms(self, m: Module) -> None:
        """Build the norms of the mixer's rows and of the feed-forward part's."""
        config = self.config
        m.submodules.mixer_norm = mixer_norm = Norm(config.mixer_norm)
        lanes = config.mixer_norm.lanes
        words = row_words(config.mixer_gains, ROW_DIGITS, config.gain_bits, lanes)
        m.submodules.mixer_gains = gains = cycled(m, config, words, config.gain_bits * lanes)
        self._join(m, self.mixer.o, mixer_norm.i)
        self._normed(m, mixer_norm, gains, lanes)

        m.submodules.ffn_norm = ffn_norm = Norm(config.ffn_norm)
        words = row_words(config.ffn_gains, ROW_DIGITS, config.gain_bits, config.outputs_per_cycle)
        m.submodules.ffn_gains = gains = cycled(m, config, words, config.gain_bits * config.outputs_per_cycle)
        m.submodules.gated_pair = pair = WidthUp(config.gated_pair)
        self._paired(m, self.gated.o, self.gated.o.payload.h, pair)
        m.d.comb += [
            ffn_norm.i.valid.eq(pair.o.valid), pair.o.ready.eq(ffn_norm.i.ready),
            ffn_norm.i.payload.x.as_value().eq(pair.o.payload.data.as_value()),
            ffn_norm.i.payload.last.eq(pair.o.payload.last),
        ]  # fmt: skip
        self._normed(m, ffn_norm, gains, config.outputs_per_cycle)

    def _join(self, m: Module, source: Any, sink: Any) -> None:
        m.d.comb += [sink.valid.eq(source.valid), source.ready.eq(sink.ready)]
        m.d.comb += sink.payload.as_value().eq(source.payload.as_value())

    def _paired(self, m: Module, source: Any, values: Any, pair: WidthUp) -> None:
        """Let half beats meet."""
        m.d.comb += [
            pair.i.valid.eq(source.valid), source.ready.eq(pair.i.ready), pair.i.payload.last.eq(source.payload.last),
            pair.i.payload.data.eq(values.as_value()),
        ]  # fmt: skip

    def _normed(self, m: Module, norm: Any, gains: Any, lanes: int, scaled: bool = True) -> None:
        """Give a norm its gains; note the stream of its rows, beats filled up, and of their scales."""
        config = self.config
        m.d.comb += [
            norm.i_weight.valid.eq(gains.o.valid), gains.o.ready.eq(norm.i_weight.ready),
            norm.i_weight.payload.as_value().eq(gains.o.payload.data),
        ]  # fmt: skip
        scale = norm.o.payload.scale if scaled and config.act == "dynamic" else None
        if lanes == config.outputs_per_cycle:
            self.rows.append((norm.o, norm.o.payload.q, norm.o, scale))
            return
        m.submodules[f"pair_{len(self.rows)}"] = pair = WidthUp(config.pair)
        self._paired(m, norm.o, norm.o.payload.q, pair)
        self.rows.append((pair.o, pair.o.payload.data, norm.o, scale))

    def _engine_input(self, m: Module) -> None:
        """Let through whichever norm has a row."""
        target, scales = self.engine.i, self.engine.i_scale
        for index, (source, values, norm, scale) in enumerate(self.rows):
            m.d.comb += source.ready.eq(target.ready)
            with m.If(source.valid):
                m.d.comb += [
                    target.valid.eq(1), target.payload.x.as_value().eq(values.as_value()),
                    target.payload.last.eq(source.payload.last),
                ]  # fmt: skip
            if scale is not None:  # it goes with a row's first beat: sums may come before the engine takes the last
                sent = Signal(name=f"sent_{index}")
                with m.If(norm.valid & ~sent):
                    m.d.comb += [scales.valid.eq(1), scales.payload.data.eq(scale)]
                with m.If(norm.valid & norm.ready & norm.payload.last):
                    m.d.sync += sent.eq(0)
                with m.Elif(norm.valid & scales.ready):
                    m.d.sync += sent.eq(1)

    # --- results ---

    def _results(self, m: Module) -> None:
        """Send results where their section goes."""
        config, source = self.config, after(m, self.engine.o, "results_cut")
        self.start = Signal()
        step = Signal()
        walk = Walk(m, config, self.start, step, "results")
        gate, gates = cut(m, self.gated.i.payload.shape(), "gate_cut", "both")  # clipped there
        self._join(m, gates, self.gated.i)
        mixer, add = self.mixer.i, self.residual.i
        to_gate, to_add = Signal(), Signal()
        m.d.comb += [
            to_gate.eq(walk.at(Part.GATE)), to_add.eq(walk.at(Part.OUT, Part.DOWN)),
            gate.valid.eq(source.valid & to_gate), add.valid.eq(source.valid & to_add),
            mixer.valid.eq(source.valid & ~to_gate & ~to_add),
            source.ready.eq(Mux(to_gate, gate.ready, to_add | mixer.ready)), step.eq(source.valid & source.ready),
            gate.payload.last.eq(walk.ends), mixer.payload.last.eq(walk.ends),
            mixer.payload.y.as_value().eq(source.payload.y.as_value()),
            add.payload.y.as_value().eq(source.payload.y.as_value()),
        ]  # fmt: skip
        for index, section in enumerate(walk.sections):
            with m.If(walk.place == index):
                m.d.comb += mixer.payload.part.eq(section.part)
        for lane in range(config.half):
            lower, upper = source.payload.y[lane], source.payload.y[lane + config.half]
            m.d.comb += [
                gate.payload.g[lane].eq(clip(lower, config.gate_bits)),
                gate.payload.u[lane].eq(clip(upper, config.up_bits)),
            ]

    # --- sequence ---

    def _sequence(self, m: Module) -> None:
        """Run a token: each layer's matrices in order, rows read when they are whole; then perhaps the head."""
        config, residual = self.config, self.residual
        layer, job = Signal(range(max(2, config.layers))), self.mixer.i_job
        final = layer == config.layers - 1
        read, asks = Signal(), Signal()
        host = self.host
        m.d.comb += [
            self.engine.start.eq(self.start), residual.embed.eq(self.start), residual.token.eq(host.token),
            residual.read.eq(read), job.valid.eq(asks), job.payload.layer.eq(layer),
            job.payload.position.eq(host.position), job.payload.first.eq(host.first), self.start.eq(host.run),
        ]  # fmt: skip
        with m.If(job.ready):
            m.d.sync += asks.eq(0)
        with m.FSM():
            with m.State("REST"):
                m.d.sync += [layer.eq(0), self.last.eq(0)]
                with m.If(host.run):
                    m.next = "ROW"
            with m.State("ROW"), m.If(residual.done):
                m.d.comb += read.eq(1)
                m.d.sync += asks.eq(1)
                m.next = "MIX"
            self._asks_for(m, "MIX", Kind.MIX, "OUT")
            self._asks_for(m, "OUT", Kind.OUT, "MIXED")
            with m.State("MIXED"), m.If(residual.done):
                m.d.comb += read.eq(1)
                m.next = "GATE"
            self._asks_for(m, "GATE", Kind.GATE, "DOWN")
            self._asks_for(m, "DOWN", Kind.DOWN, "FED")
            with m.State("FED"), m.If(residual.done):
                m.d.comb += read.eq(~final | host.head)
                m.d.sync += layer.eq(layer + 1)
                m.next = "MIX"
                with m.If(~final):
                    m.d.sync += asks.eq(1)
                with m.Elif(host.head):
                    m.d.sync += self.last.eq(1)
                    m.next = "HEAD"
                with m.Else():
                    m.d.comb += host.done.eq(1)
                    m.next = "REST"
            self._asks_for(m, "HEAD", Kind.HEAD, "FOUND")
            with m.State("FOUND"), m.If(self.argmax.o.valid):
                m.d.comb += host.done.eq(1)
                m.next = "REST"
        if config.act == "static":
            self._ask_for_gains(m)

    def _asks_for(self, m: Module, state: str, kind: Kind, following: str) -> None:
        """Ask the engine's store for a matrix."""
        asked = self.engine.i_kind
        with m.State(state):
            m.d.comb += [asked.valid.eq(1), asked.payload.kind.eq(kind)]
            with m.If(asked.ready):
                m.next = following

    def _ask_for_gains(self, m: Module) -> None:
        """Play the gains of all layers for each token, and the last ones if the row goes to the head."""
        config, play = self.config, self.gains
        beats = config.features // config.outputs_per_cycle
        layers, head = Signal(), Signal()
        m.d.comb += [
            play.valid.eq(layers | head), play.payload.times.eq(1),
            play.payload.first.eq(Mux(layers, 0, 2 * config.layers * beats)),
            play.payload.count.eq(Mux(layers, 2 * config.layers * beats, beats)),
        ]  # fmt: skip
        with m.If(play.ready):
            m.d.sync += [layers.eq(0), head.eq(head & layers)]
        with m.If(self.start):
            m.d.sync += [layers.eq(1), head.eq(self.host.head)]

    def _serve(self, m: Module) -> None:
        """Show the head's sums to the search for the greatest and to the host."""
        config, sums, target = self.config, self.engine.o_sum, self.argmax.i
        m.d.comb += [
            target.valid.eq(sums.valid), sums.ready.eq(target.ready), target.payload.last.eq(sums.payload.last),
            self.host.logits.eq(sums.payload.x.as_value()), self.host.put.eq(sums.valid & sums.ready),
            self.host.final.eq(sums.payload.last), self.host.found.eq(self.argmax.o.payload.index),
            self.argmax.o.ready.eq(1),
        ]  # fmt: skip
        self._join(m, self.i, self.host.i)
        self._join(m, after(m, self.host.o, "reply_cut"), self.o)
        lanes, least = config.outputs_per_cycle, -(1 << (config.logit_bits - 1))
        for lane in range(lanes):
            value = sums.payload.x[lane]
            if config.vocab % lanes and lane >= config.vocab % lanes:  # no token has this place in the last beat
                value = Mux(sums.payload.last, least, value)
            m.d.comb += target.payload.x[lane].eq(value)
