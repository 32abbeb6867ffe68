# SPDX-License-Identifier: BSD-2-Clause
"""Core of the vision transformer: the parts, and the streams between them."""

from typing import Any

from amaranth import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.memory import Memory

from gatewright.hw.accel.vit_core.config import CLASS_BYTES, COUNT_BYTES, VitCoreConfig
from gatewright.hw.accel.vit_core.constants import ROW_BITS
from gatewright.hw.accel.vit_core.jobs import Fetcher, Jobs, job_layout
from gatewright.hw.accel.vit_core.normaliser import Normaliser
from gatewright.hw.accel.vit_core.patches import Patches
from gatewright.hw.accel.vit_core.program import SOURCES, Kind, Source
from gatewright.hw.accel.vit_core.results import Results
from gatewright.hw.attention.attention.component import Attention
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.dataflow.fifo.component import Fifo
from gatewright.hw.dataflow.fifo.config import FifoConfig
from gatewright.hw.dataflow.fork.component import Fork
from gatewright.hw.dataflow.fork.config import ForkConfig
from gatewright.hw.memory.ping_pong.component import PingPong
from gatewright.hw.memory.weight_store.component import WeightStore
from gatewright.hw.moe.expert_queue.component import ExpertQueue
from gatewright.hw.moe.linear.component import Linear
from gatewright.hw.moe.moe_engine.reader import RowReader, pick
from gatewright.hw.moe.moe_gate.component import MoeGate

AHEAD, NOTES = 4, 8  # jobs that wait in front of the readers; in front of what comes behind the array


class VitCore(RoomComponent):
    """Take an image, run the schedule, send scores, routes and cycles.

    Members
    -------
    i : In(stream)
        ``data`` signed 8, ``last``, ``good``.
    i_w, i_param : In(stream)
        Streamed weights and parameters.
    o_fetch : Out(stream)
        ``matrix``: whose weights are to come.
    o : Out(stream)
        ``data`` signed 8, ``last``.
    """

    config: VitCoreConfig
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: VitCoreConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Make the parts, then join them along the way of a row."""
        m = Module()
        config = self.config
        m.submodules.patches = self.patches = Patches(config)
        m.submodules.results = self.results = Results(config)
        m.submodules.normaliser = self.normaliser = Normaliser(config, self.results.residual)
        m.submodules.attention = self.attention = Attention(config.attention)
        m.submodules.gate = self.gate = MoeGate(config.gate)
        m.submodules.queue = self.queue = ExpertQueue(config.queue)
        m.submodules.jobs = self.jobs = Jobs(config)
        m.submodules.fetcher = self.fetcher = Fetcher(config)
        m.submodules.linear = self.linear = Linear(config.linear)
        self.task, self.start = Signal(range(max(2, config.tasks))), Signal()
        self._attend(m)
        self._route(m)
        self._work(m)
        self._serve(m)
        return m

    def _attend(self, m: Module) -> None:
        """Bring queries, keys and values to the attention; keep what comes out as rows."""
        config, attention, source = self.config, self.attention, self.results.o_attention
        inputs = (attention.i_q, attention.i_k, attention.i_v)
        words = config.features // config.attention.lanes
        word, section = Signal(range(max(2, words))), source.payload.section
        ends = word == words - 1
        with m.If(source.valid & source.ready):
            m.d.sync += word.eq(Mux(ends, 0, word + 1))
        m.d.comb += source.ready.eq(Array(port.ready for port in inputs)[section])
        for number, port in enumerate(inputs):
            m.d.comb += [
                port.valid.eq(source.valid & (section == number)), port.payload.last.eq(ends),
                port.payload.x.as_value().eq(source.payload.x),
            ]  # fmt: skip
        scale, layer = attention.i_scale, Signal(range(config.layers))
        m.d.comb += scale.valid.eq(1)
        for place, (name, _) in enumerate(scale.payload.shape()):
            values = [Const(row[place], 16) for row in config.attention_scales]
            m.d.comb += getattr(scale.payload, name).eq(Array(values)[layer])
        with m.If(scale.ready):
            m.d.sync += layer.eq(Mux(layer == config.layers - 1, 0, layer + 1))

        lanes, wide = config.attention.lanes, config.inputs_per_cycle
        parts, beats = wide // lanes, config.tokens * words
        shift = (parts - 1).bit_length()
        m.submodules.attended = memory = Memory(shape=8 * wide, depth=config.depth(Source.ATTENDED), init=[])
        self.attended, put = memory.read_port(), memory.write_port(granularity=8 * lanes)
        at, result = Signal(range(beats)), attention.o
        m.d.comb += [
            result.ready.eq(1), put.addr.eq(at >> shift), put.data.eq(Cat([result.payload.y.as_value()] * parts)),
            put.en.eq(Cat(result.valid & (at[:shift] == part) for part in range(parts)) if shift else result.valid),
            self.jobs.attended.eq(result.valid & result.payload.last),
        ]  # fmt: skip
        with m.If(result.valid):
            m.d.sync += at.eq(Mux(at == beats - 1, 0, at + 1))

    def _route(self, m: Module) -> None:
        """Bring normalised rows to the gate, what it finds to the queue, and a copy to the routes' memory."""
        config, gate, queue, source = self.config, self.gate, self.queue, self.normaliser.o_gate
        m.d.comb += [
            self.normaliser.ready.eq(self.results.ready), self.jobs.normed.eq(self.normaliser.normed),
            gate.i.valid.eq(source.valid), source.ready.eq(gate.i.ready), gate.i.payload.last.eq(source.payload.last),
            gate.i.payload.x.as_value().eq(source.payload.x),
        ]  # fmt: skip
        token = Signal(range(config.tokens))
        final = token == config.tokens - 1
        if config.gate.gates > 1:
            entering = Signal(range(config.tokens))
            asked = Signal(range(max(2, config.mixtures)))  # the gate is ahead of what leaves it
            m.d.comb += gate.i.payload.gate.eq(asked * config.tasks + self.task)
            with m.If(source.valid & source.ready & source.payload.last):
                m.d.sync += entering.eq(entering + 1)
                with m.If(entering == config.tokens - 1):
                    m.d.sync += [entering.eq(0), asked.eq(Mux(asked == config.mixtures - 1, 0, asked + 1))]
        found = gate.o.payload
        m.d.comb += [
            queue.i.valid.eq(gate.o.valid), gate.o.ready.eq(queue.i.ready), queue.i.payload.expert.eq(found.expert),
            queue.i.payload.weight.eq(found.weight), queue.i.payload.last.eq(found.last),
            queue.i.payload.final.eq(final),
        ]  # fmt: skip
        m.submodules.routes = memory = Memory(shape=len(found.expert), depth=config.route_bytes, init=[])
        self.routes, put, at = memory.read_port(), memory.write_port(), Signal(range(config.route_bytes))
        taken = gate.o.valid & gate.o.ready
        m.d.comb += [put.en.eq(taken), put.addr.eq(at), put.data.eq(found.expert)]
        with m.If(taken):
            m.d.sync += at.eq(Mux(at == config.route_bytes - 1, 0, at + 1))
            with m.If(found.last):
                m.d.sync += token.eq(Mux(final, 0, token + 1))

        used, asked_for = self.queue.o_used, self.fetcher.i_used
        jobs, given = self.jobs.i_queue, self.queue.o
        for source_port, sink in ((used, asked_for), (given, jobs)):
            m.d.comb += [sink.valid.eq(source_port.valid), source_port.ready.eq(sink.ready)]
            m.d.comb += sink.payload.as_value().eq(source_port.payload.as_value())

    def _work(self, m: Module) -> None:
        """Hand each job to the reader, the buffers, the array and what takes its results."""
        config, jobs = self.config, self.jobs
        width = len(jobs.o.payload.as_value())
        m.submodules.fork = fork = Fork(ForkConfig(output_count=5, width=width))
        m.d.comb += [
            fork.i.valid.eq(jobs.o.valid), jobs.o.ready.eq(fork.i.ready),
            fork.i.payload.data.eq(jobs.o.payload.as_value()),
            jobs.start.eq(self.start), jobs.done.eq(self.results.done),
        ]  # fmt: skip
        ahead = []
        for index, depth in enumerate((AHEAD, AHEAD, AHEAD, NOTES, NOTES)):
            m.submodules[f"ahead_{index}"] = fifo = Fifo(FifoConfig(depth=depth, width=width))
            source = getattr(fork, f"o_{index}")
            m.d.comb += [
                fifo.i.valid.eq(source.valid),
                source.ready.eq(fifo.i.ready),
                fifo.i.payload.eq(source.payload),
            ]
            ahead.append(fifo.o)
        layout = job_layout(config)
        read, play, tune, count, note = ahead
        kinds = list(Kind)
        tiles = [1 if config.linear.ternary else config.tiles(kind) for kind in kinds]
        ports = {
            Source.PATCHES: self.patches.port, Source.NORMED: self.normaliser.port, Source.ATTENDED: self.attended,
            Source.HIDDEN: self.results.hidden,
        }  # fmt: skip
        m.submodules.reader = reader = RowReader(
            [ports[source] for source in Source], [SOURCES[kind] for kind in kinds],
            [config.blocks(kind) for kind in kinds], tiles, config.tokens,
        )  # fmt: skip
        job, target, linear = layout(read.payload.data), self.linear.i_x, self.linear
        m.d.comb += [
            reader.i.valid.eq(read.valid), read.ready.eq(reader.i.ready), reader.i.payload.kind.eq(job.kind),
            reader.i.payload.token.eq(job.token),
            target.valid.eq(reader.o.valid), reader.o.ready.eq(target.ready),
            target.payload.x.as_value().eq(reader.o.payload.x), target.payload.last.eq(reader.o.payload.last),
            self.results.i.valid.eq(linear.o.valid), linear.o.ready.eq(self.results.i.ready),
            self.results.i.payload.as_value().eq(linear.o.payload.as_value()),
            self.results.i_job.valid.eq(note.valid), note.ready.eq(self.results.i_job.ready),
            self.results.i_job.payload.as_value().eq(note.payload.data),
        ]  # fmt: skip
        if config.linear.ternary:
            m.d.comb += count.ready.eq(1)
        else:
            m.d.comb += [
                linear.i_job.valid.eq(count.valid), count.ready.eq(linear.i_job.ready),
                linear.i_job.payload.tiles.eq(pick(tiles, layout(count.payload.data).kind)),
            ]  # fmt: skip
        self._buffers(m, layout, play, tune)

    def _buffers(self, m: Module, layout: Any, play: Any, tune: Any) -> None:
        """Keep a matrix for all of its jobs while the next one comes."""
        config, linear = self.config, self.linear
        m.submodules.weights = weights = PingPong(config.weight_buffer)
        m.submodules.params = params = PingPong(config.param_buffer)
        for store, job, sink in ((weights, play, linear.i_w), (params, tune, linear.i_param)):
            m.d.comb += [
                store.i_play.valid.eq(job.valid), job.ready.eq(store.i_play.ready),
                store.i_play.payload.keep.eq(~layout(job.payload.data).last),
                sink.valid.eq(store.o.valid), store.o.ready.eq(sink.ready), sink.payload.eq(store.o.payload.data),
            ]  # fmt: skip
        m.d.comb += [self.fetcher.start.eq(self.start), self.fetcher.task.eq(self.task)]
        if self.config.store == "constant":
            self._constant(m, weights, params)
            return
        fetch = self.fetcher.o
        m.d.comb += [
            self.o_fetch.valid.eq(fetch.valid), fetch.ready.eq(self.o_fetch.ready),
            self.o_fetch.payload.eq(fetch.payload),
        ]  # fmt: skip
        for store, port in ((weights, self.i_w), (params, self.i_param)):
            width = len(store.i.payload.data)  # all fields but `final`, which comes last
            m.d.comb += [
                store.i.valid.eq(port.valid), port.ready.eq(store.i.ready), store.i.payload.last.eq(port.payload.final),
                store.i.payload.data.eq(port.payload.as_value()[:width]),
            ]  # fmt: skip

    def _constant(self, m: Module, weights: Any, params: Any) -> None:
        """Answer the fetcher from constant memories."""
        config, fetch = self.config, self.fetcher.o
        m.submodules.fetch_fork = fork = Fork(ForkConfig(output_count=2, width=config.matrix_bits))
        m.d.comb += [
            fork.i.valid.eq(fetch.valid),
            fetch.ready.eq(fork.i.ready),
            fork.i.payload.data.eq(fetch.payload.matrix),
        ]
        for param, (store, source) in enumerate(((weights, fork.o_0), (params, fork.o_1))):
            count = config.param_beats if param else config.beats
            shape = config.constant_store(bool(param))
            m.submodules[f"constant_{param}"] = memory = WeightStore(shape)
            number, play = source.payload.data, memory.i_play
            first = [
                Const(config.first(index, bool(param)), shape.address_bits) for index in range(len(config.matrices))
            ]
            counts = [Const(count(matrix.kind), shape.address_bits) for matrix in config.matrices]
            m.d.comb += [
                play.valid.eq(source.valid), source.ready.eq(play.ready), play.payload.first.eq(Array(first)[number]),
                play.payload.count.eq(Array(counts)[number]), play.payload.times.eq(1),
                store.i.valid.eq(memory.o.valid), memory.o.ready.eq(store.i.ready),
                Cat(store.i.payload.data, store.i.payload.last).eq(memory.o.payload.data),
            ]  # fmt: skip

    def _serve(self, m: Module) -> None:
        """Take an image, wait for the scores, send them, the routes and the cycles."""
        config, i = self.config, self.i
        cycles, leading = Signal(8 * COUNT_BYTES), Signal(init=1)  # the next octet names the task
        m.d.comb += self.patches.data.eq(i.payload.data)
        size = max(2, config.tiles(Kind.HEAD) * config.outputs_per_cycle // config.lanes)
        m.submodules.scores = scores = Memory(shape=ROW_BITS * config.lanes, depth=size, init=[])
        put, self.scores, place = scores.write_port(), scores.read_port(), Signal(range(size))
        m.d.comb += [put.addr.eq(place), put.en.eq(self.results.score_enable), put.data.eq(self.results.score_data)]
        with m.If(put.en):
            m.d.sync += place.eq(Mux(self.results.finished, 0, place + 1))
        total = config.output_bytes + config.count_bytes
        at, held = Signal(range(total)), Signal(range(total))  # the octet that is read, and the one that is offered
        lane_bits = (config.lanes - 1).bit_length()
        m.d.comb += self.scores.addr.eq(at >> (1 + lane_bits))
        m.d.comb += self.routes.addr.eq(at - CLASS_BYTES * config.classes)
        with m.FSM():
            with m.State("TAKE"):
                m.d.comb += [i.ready.eq(1), self.patches.enable.eq(i.valid & ~leading)]
                m.d.sync += cycles.eq(0)
                with m.If(i.valid):
                    m.d.sync += leading.eq(i.payload.last)
                    m.d.comb += self.patches.restart.eq(i.payload.last)
                    with m.If(leading):
                        known = i.payload.data.as_unsigned() < config.tasks
                        m.d.sync += self.task.eq(Mux(known, i.payload.data.as_unsigned(), 0))
                    with m.If(i.payload.last & i.payload.good):
                        m.d.comb += self.start.eq(1)
                        m.next = "RUN"
            with m.State("RUN"):
                m.d.sync += cycles.eq(cycles + 1)
                with m.If(self.results.finished):
                    m.next = "FIRST"
            self._send(m, at, held, total)
        self._show(m, held, cycles)

    def _send(self, m: Module, at: Signal, held: Signal, total: int) -> None:
        """Walk the octets of the reply; each is read a cycle before it is offered."""
        o = self.o
        with m.State("FIRST"):
            m.d.comb += [self.scores.en.eq(1), self.routes.en.eq(1)]
            m.d.sync += [held.eq(0), at.eq(1)]
            m.next = "SEND"
        with m.State("SEND"):
            m.d.comb += [o.valid.eq(1), self.scores.en.eq(o.ready), self.routes.en.eq(o.ready)]
            m.d.comb += o.payload.last.eq(held == total - 1)
            with m.If(o.ready):
                m.d.sync += [held.eq(at), at.eq(Mux(at == total - 1, 0, at + 1))]
                with m.If(o.payload.last):
                    m.d.sync += at.eq(0)
                    m.next = "TAKE"

    def _show(self, m: Module, held: Signal, cycles: Signal) -> None:
        """Pick the offered octet: of the scores, the routes, or the count."""
        config, octet = self.config, self.o.payload.data
        scores, routes = CLASS_BYTES * config.classes, config.route_bytes
        lane_bits = (config.lanes - 1).bit_length()
        lane = held[1 : 1 + lane_bits] if lane_bits else Const(0, 1)
        with m.If(held < scores):
            m.d.comb += octet.eq(self.scores.data.word_select(lane, ROW_BITS).word_select(held[0], 8))
        with m.Else():
            m.d.comb += octet.eq(self.routes.data)
        if config.count_bytes:
            with m.If(held >= scores + routes):
                m.d.comb += octet.eq(cycles.word_select((held - (scores + routes))[:2], 8))
