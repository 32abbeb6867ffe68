# SPDX-License-Identifier: BSD-2-Clause
"""Expert engine: queues, gather, linear engine, scatter."""

from typing import Any, NamedTuple

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.memory import Memory

from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.dataflow.fifo.component import Fifo
from gatewright.hw.dataflow.fifo.config import FifoConfig
from gatewright.hw.dataflow.fork.component import Fork
from gatewright.hw.dataflow.fork.config import ForkConfig
from gatewright.hw.memory.ping_pong.component import PingPong
from gatewright.hw.moe.expert_queue.component import ExpertQueue
from gatewright.hw.moe.linear.component import Linear
from gatewright.hw.moe.moe_engine.config import MoeEngineConfig
from gatewright.hw.moe.moe_engine.reader import RowReader, pick
from gatewright.hw.moe.moe_engine.scatter import Scatter

AHEAD = 4  # jobs that wait in front of each part
NEEDS = (  # what each part wants to know of a job: reader, weights, parameters, linear engine, scatter unit
    ("turn", "token"), ("last",), ("last",), ("turn",), ("turn", "token", "weight", "final"),
)  # fmt: skip


class Job(NamedTuple):
    """The head of a part's queue of jobs, with the fields that the part needs."""

    valid: Value
    ready: Value
    word: Any


class MoeEngine(RoomComponent):
    """Run a sequence's tokens through their experts.

    Members
    -------
    i_x, i_r : In(stream)
        ``x``, ``last``: rows for the experts, rows to add to.
    i_route : In(stream)
        ``expert``, ``weight``, ``last``, ``final``.
    i_w, i_param : In(stream)
        Weights and parameters of the experts asked for, layer by layer, ``final`` with a layer's last beat.
    o_fetch : Out(stream)
        ``expert``, ``final``.
    o : Out(stream)
        ``x``, ``last``.
    """

    config: MoeEngineConfig
    i_x: stream.Interface
    i_r: stream.Interface
    i_route: stream.Interface
    i_w: stream.Interface
    i_param: stream.Interface
    o_fetch: stream.Interface
    o: stream.Interface

    def __init__(self, config: MoeEngineConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Build the memories of rows, then the way of a job."""
        m = Module()
        config = self.config
        m.submodules.queue = self.queue = ExpertQueue(config.queue)
        m.submodules.linear = self.linear = Linear(config.linear)
        m.submodules.scatter = self.scatter = Scatter(config)
        self.filled = Signal()  # the sequence's rows are there
        self.finished = Signal()  # the last of the sequence's rows leaves
        m.d.comb += [
            self.queue.i.valid.eq(self.i_route.valid), self.i_route.ready.eq(self.queue.i.ready),
            self.queue.i.payload.eq(self.i_route.payload),
            self.o_fetch.valid.eq(self.queue.o_used.valid), self.queue.o_used.ready.eq(self.o_fetch.ready),
            self.o_fetch.payload.expert.eq(self.queue.o_used.payload.expert),
            self.o_fetch.payload.final.eq(self.queue.o_used.payload.final),
        ]  # fmt: skip
        self._rows(m)
        read, play, tune, count, note = self._jobs(m)
        self._gather(m, read)
        self._weights(m, play, tune)
        self._multiply(m, count, note)
        return m

    def _rows(self, m: Module) -> None:
        """Fill the rows, and give the residuals to the scatter unit, which holds them."""
        config = self.config
        lanes, wide = config.lanes, config.inputs_per_cycle
        depth = config.tokens * config.blocks(0)
        m.submodules.x = x = Memory(shape=8 * wide, depth=depth, init=[])
        m.submodules.hidden = hidden = Memory(shape=8 * wide, depth=config.tokens * config.blocks(1), init=[])
        self.row_ports = (x.read_port(), hidden.read_port())
        put, address, full = x.write_port(), Signal(range(depth)), Signal()
        m.d.comb += [
            self.i_x.ready.eq(~full), put.en.eq(self.i_x.valid & ~full), put.addr.eq(address),
            put.data.eq(self.i_x.payload.x.as_value()),
            self.filled.eq(full & self.scatter.filled),
        ]  # fmt: skip
        with m.If(put.en):
            m.d.sync += address.eq(address + 1)
            with m.If(address == depth - 1):
                m.d.sync += [address.eq(0), full.eq(1)]
        with m.If(self.finished):
            m.d.sync += full.eq(0)
        port, scatter = hidden.write_port(granularity=8 * lanes), self.scatter
        m.d.comb += [
            port.addr.eq(scatter.hidden_address), port.data.eq(Cat([scatter.hidden_data] * (wide // lanes))),
            port.en.eq(scatter.hidden_enable),
            scatter.i_r.valid.eq(self.i_r.valid), self.i_r.ready.eq(scatter.i_r.ready),
            scatter.i_r.payload.eq(self.i_r.payload),
            self.o.valid.eq(scatter.o.valid), scatter.o.ready.eq(self.o.ready), self.o.payload.eq(scatter.o.payload),
            self.finished.eq(scatter.finished),
        ]  # fmt: skip

    def _jobs(self, m: Module) -> list[Job]:
        """Hand each queued token to all parts; hold back one whose hidden row is not there yet.

        A queue of n tokens is played twice: the hidden row of a job's second turn was made n jobs before it, so
        fewer than n jobs may be under way.
        """
        queue, layout = self.queue.o, self.queue.o.payload
        tokens, tail = self.config.tokens, max(self.config.scatter_latency, self.config.activation.latency)
        # Jobs whose results are awaited or being written; if tokens are few, a second turn and the next queue's first.
        flying = Signal(range(1 + min(2 * tokens, 2 * AHEAD + tail + 1)))
        length, place = Signal(range(tokens + 1)), Signal(range(tokens + 1))
        ended, allowed = Signal(), Signal()
        width = len(layout.as_value())
        m.submodules.fork = fork = Fork(ForkConfig(output_count=5, width=width))
        m.d.comb += [
            allowed.eq(self.filled & ~ended & (~layout.turn | (flying < length))),
            fork.i.valid.eq(queue.valid & allowed), queue.ready.eq(fork.i.ready & allowed),
            fork.i.payload.data.eq(layout.as_value()),
        ]  # fmt: skip
        issued = Signal()
        m.d.comb += issued.eq(queue.valid & queue.ready)
        m.d.sync += flying.eq(flying + issued - self.scatter.hidden_done - self.scatter.row_done)
        with m.If(issued):
            m.d.sync += [ended.eq(layout.final), place.eq(Mux(layout.last, 0, place + 1))]
            with m.If(layout.last & ~layout.turn):
                m.d.sync += length.eq(place + 1)
        with m.If(self.finished):
            m.d.sync += ended.eq(0)
        found = []
        for index, names in enumerate(NEEDS):
            word = data.StructLayout({name: layout[name].shape() for name in names})
            fifo = Fifo(FifoConfig(depth=2 * AHEAD if index == 4 else AHEAD, width=word.size))
            m.submodules[f"ahead_{index}"] = fifo
            source = getattr(fork, f"o_{index}")
            job = layout.shape()(source.payload.data)
            m.d.comb += [
                fifo.i.valid.eq(source.valid), source.ready.eq(fifo.i.ready),
                fifo.i.payload.data.eq(Cat(job[name] for name in names)),
            ]  # fmt: skip
            found.append(Job(fifo.o.valid, fifo.o.ready, word(fifo.o.payload.data)))
        return found

    def _gather(self, m: Module, job: Job) -> None:
        """Read the rows of jobs into the linear engine."""
        config, target = self.config, self.linear.i_x
        tiles = [1, 1] if config.linear.ternary else [config.tiles(0), config.tiles(1)]
        blocks = [config.blocks(0), config.blocks(1)]
        m.submodules.reader = reader = RowReader(self.row_ports, (0, 1), blocks, tiles, config.tokens)
        m.d.comb += [
            reader.i.valid.eq(job.valid), job.ready.eq(reader.i.ready),
            reader.i.payload.kind.eq(job.word.turn), reader.i.payload.token.eq(job.word.token),
            target.valid.eq(reader.o.valid), reader.o.ready.eq(target.ready),
            target.payload.x.as_value().eq(reader.o.payload.x), target.payload.last.eq(reader.o.payload.last),
        ]  # fmt: skip

    def _weights(self, m: Module, play: Job, tune: Job) -> None:
        """Keep a layer's weights and parameters for its whole queue, while the next layer's come."""
        config = self.config
        m.submodules.weights = weights = PingPong(config.weight_store)
        m.submodules.params = params = PingPong(config.param_store)
        target = self.linear.i_w
        names = [field.name for field in config.linear.inputs[-1].fields]
        columns = [getattr(self.i_param.payload, name).as_value() for name in names]
        m.d.comb += [
            weights.i.payload.data.eq(Cat(self.i_w.payload.code.as_value(), self.i_w.payload.last)),
            params.i.payload.data.eq(Cat(columns)),
            target.payload.eq(weights.o.payload.data),
            self.linear.i_param.payload.eq(params.o.payload.data),
        ]
        for port, store, job, sink in (
            (self.i_w, weights, play, target), (self.i_param, params, tune, self.linear.i_param)
        ):  # fmt: skip
            m.d.comb += [
                store.i.valid.eq(port.valid), port.ready.eq(store.i.ready), store.i.payload.last.eq(port.payload.final),
                store.i_play.valid.eq(job.valid), job.ready.eq(store.i_play.ready),
                store.i_play.payload.keep.eq(~job.word.last),
                sink.valid.eq(store.o.valid), store.o.ready.eq(sink.ready),
            ]  # fmt: skip

    def _multiply(self, m: Module, count: Job, note: Job) -> None:
        """Tell the linear engine the tiles of a job, and the scatter unit where its results go."""
        config, scatter = self.config, self.scatter
        if config.linear.ternary:
            m.d.comb += count.ready.eq(1)
        else:
            tiles: Value = pick([config.tiles(0), config.tiles(1)], count.word.turn)
            m.d.comb += [
                self.linear.i_job.valid.eq(count.valid), count.ready.eq(self.linear.i_job.ready),
                self.linear.i_job.payload.tiles.eq(tiles),
            ]  # fmt: skip
        job = note.word
        m.d.comb += [
            scatter.i_job.valid.eq(note.valid), note.ready.eq(scatter.i_job.ready),
            scatter.i_job.payload.turn.eq(job.turn), scatter.i_job.payload.token.eq(job.token),
            scatter.i_job.payload.weight.eq(job.weight), scatter.i_job.payload.final.eq(job.final),
            scatter.i.valid.eq(self.linear.o.valid), self.linear.o.ready.eq(scatter.i.ready),
            scatter.i.payload.eq(self.linear.o.payload),
        ]  # fmt: skip
