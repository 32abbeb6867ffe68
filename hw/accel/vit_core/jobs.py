# SPDX-License-Identifier: BSD-2-Clause
"""Walk the schedule twice: ask for weights ahead of time, and issue jobs when what they read is there."""

from typing import Any

from amaranth import Array, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gatewright.hw.accel.vit_core.config import VitCoreConfig
from gatewright.hw.accel.vit_core.program import Kind, bases


class Fetcher(wiring.Component):
    """Name the matrices of a run in the order of their use.

    Members
    -------
    start, task : In
        A run begins.
    i_used : In(stream)
        ``expert``, ``final``: experts that have tokens, for each mixture.
    o : Out(stream)
        ``matrix``.
    """

    def __init__(self, config: VitCoreConfig) -> None:
        self.config = config
        used = {field.name: field.bits for field in config.queue.outputs[0].fields}
        super().__init__({
            "start": In(1), "task": In(range(max(2, config.tasks))),
            "i_used": In(stream.Signature(data.StructLayout({name: unsigned(bits) for name, bits in used.items()}))),
            "o": Out(stream.Signature(data.StructLayout({"matrix": unsigned(config.matrix_bits)}))),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        """Count layers and steps of a layer: two matrices of attention, then two of an MLP or of each expert."""
        m = Module()
        config = self.config
        layer, step = Signal(range(config.layers)), Signal(2)
        base: Value = Array(Const(value, config.matrix_bits) for value in bases(config.layers, config.gate.experts))[
            layer
        ]
        head = bases(config.layers, config.gate.experts)[-1]
        final = layer == config.layers - 1
        used = self.i_used
        with m.FSM():
            with m.State("REST"), m.If(self.start):
                m.next = "EMBED"
            with m.State("EMBED"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "LAYER"
            with m.State("LAYER"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.matrix.eq(base + step)]
                with m.If(self.o.ready):
                    m.d.sync += step.eq(step + 1)
                    with m.If((step == 1) & layer[0]):
                        m.d.sync += step.eq(0)
                        m.next = "EXPERTS"
                    with m.If(step == 3):
                        m.d.sync += layer.eq(Mux(final, 0, layer + 1))
                        m.next = "LAYER"
                        with m.If(final):
                            m.next = "HEAD"
            with m.State("EXPERTS"):
                m.d.comb += [
                    self.o.valid.eq(used.valid), used.ready.eq(self.o.ready & step[0]),
                    self.o.payload.matrix.eq(base + 2 + (used.payload.expert << 1) + step[0]),
                ]  # fmt: skip
                with m.If(used.valid & self.o.ready):
                    m.d.sync += step[0].eq(~step[0])
                with m.If(used.valid & used.ready & used.payload.final):
                    m.d.sync += layer.eq(Mux(final, 0, layer + 1))
                    m.next = "LAYER"
                    with m.If(final):
                        m.next = "HEAD"
            with m.State("HEAD"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.matrix.eq(head + self.task)]
                with m.If(self.o.ready):
                    m.next = "REST"
        return m


def job_layout(config: VitCoreConfig) -> data.StructLayout:
    """Give the fields of a job.

    ``weight`` has an integer bit: dense layers count whole. ``last`` ends the use of a matrix, ``final`` that of a
    mixture's last; ``closing`` marks the last block, behind which one row alone is wanted.
    """
    widths = {"kind": 3, "token": config.queue.token_bits, "weight": config.fraction + 1}
    return data.StructLayout(
        {name: unsigned(bits) for name, bits in {**widths, "last": 1, "final": 1, "closing": 1}.items()}
    )


class Jobs(wiring.Component):
    """Issue jobs, kind after kind, token after token; experts' tokens come from the queue.

    Members
    -------
    start : In(1)
        An image is there.
    i_queue : In(stream)
        ``token``, ``weight``, ``turn``, ``last``, ``final``, as `expert_queue` gives them.
    normed, attended, done : In(1)
        A row is written: normalised, attended; a job's last result is written.
    o : Out(stream)
        Jobs, see `job_layout`.
    """

    def __init__(self, config: VitCoreConfig) -> None:
        self.config = config
        queue = {field.name: field.bits for field in config.queue.outputs[1].fields}
        super().__init__({
            "start": In(1), "normed": In(1), "attended": In(1), "done": In(2),
            "i_queue": In(stream.Signature(data.StructLayout({name: unsigned(bits) for name, bits in queue.items()}))),
            "o": Out(stream.Signature(job_layout(config))),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        """Hold a job back until its row is there."""
        m = Module()
        config, job, queue = self.config, self.o.payload, self.i_queue.payload
        tokens = config.tokens
        self.token, self.layer = Signal(range(tokens)), Signal(range(config.layers))
        self.kind = Signal(Kind, init=Kind.EMBED)
        running, experts = Signal(), Signal()  # experts: the queue names the tokens
        rows = {name: Signal(range(tokens + 1), name=f"{name}_rows") for name in ("normed", "attended")}
        flying, length, place = Signal(6), Signal(range(tokens + 1)), Signal(range(tokens))
        issued, there = Signal(), Signal()
        m.d.comb += issued.eq(self.o.valid & self.o.ready)
        kind = Mux(experts, Mux(queue.turn, Kind.EXPERT2, Kind.EXPERT1), self.kind)
        reads = {"normed": Signal(), "attended": Signal()}
        with m.Switch(kind):
            with m.Case(Kind.EMBED, Kind.EXPERT1):
                m.d.comb += there.eq(1)
            with m.Case(Kind.QKV, Kind.FC1, Kind.HEAD):
                m.d.comb += [there.eq(rows["normed"] != 0), reads["normed"].eq(1)]
            with m.Case(Kind.PROJECT):
                m.d.comb += [there.eq(rows["attended"] != 0), reads["attended"].eq(1)]
            with m.Default():  # a queue of n tokens is played twice: what was hidden n jobs ago must be written
                m.d.comb += there.eq(flying < length)
        for name, came in (("normed", self.normed), ("attended", self.attended)):
            m.d.sync += rows[name].eq(rows[name] + came - (issued & reads[name]))
        m.d.sync += flying.eq(flying + issued - self.done[0] - self.done[1])

        everyone = self.kind != Kind.HEAD
        last = Mux(experts, queue.last, ~everyone | (self.token == tokens - 1))
        m.d.comb += [
            self.o.valid.eq(running & there & (~experts | self.i_queue.valid)),
            self.i_queue.ready.eq(running & experts & there & self.o.ready),
            job.kind.eq(kind), job.last.eq(last), job.final.eq(experts & queue.final),
            job.token.eq(Mux(experts, queue.token, self.token)),
            job.weight.eq(Mux(experts, queue.weight, 1 << config.fraction)),
            job.closing.eq(self.layer == config.layers - 1),
        ]  # fmt: skip
        with m.If(self.start):
            m.d.sync += running.eq(1)
        first_turn = (kind == Kind.FC1) | (kind == Kind.EXPERT1)
        with m.If(issued):
            m.d.sync += place.eq(Mux(last, 0, place + 1))
            with m.If(last & first_turn):
                m.d.sync += length.eq(place + 1)
            with m.If(experts), m.If(queue.final):
                m.d.sync += experts.eq(0)
                self._next_layer(m)
            with m.Else():
                m.d.sync += self.token.eq(Mux(last, 0, self.token + 1))
                with m.If(last):
                    self._next(m, running, experts)
        return m

    def _next(self, m: Module, running: Signal, experts: Signal) -> None:
        """Go on to the next kind of jobs."""
        with m.Switch(self.kind):
            with m.Case(Kind.EMBED):
                m.d.sync += self.kind.eq(Kind.QKV)
            with m.Case(Kind.QKV):
                m.d.sync += self.kind.eq(Kind.PROJECT)
            with m.Case(Kind.PROJECT):
                m.d.sync += [self.kind.eq(Kind.FC1), experts.eq(self.layer[0])]
            with m.Case(Kind.FC1):
                m.d.sync += self.kind.eq(Kind.FC2)
            with m.Case(Kind.FC2):
                self._next_layer(m)
            with m.Default():
                m.d.sync += [self.kind.eq(Kind.EMBED), running.eq(0)]

    def _next_layer(self, m: Module) -> None:
        final = self.layer == self.config.layers - 1
        m.d.sync += [self.layer.eq(Mux(final, 0, self.layer + 1)), self.kind.eq(Mux(final, Kind.HEAD, Kind.QKV))]
