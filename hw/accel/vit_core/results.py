# SPDX-License-Identifier: BSD-2-Clause
"""Where the linear engine's results go: residual rows, hidden rows, attention, scores of classes."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from gatewright.hw.accel.vit_core.config import VitCoreConfig
from gatewright.hw.accel.vit_core.constants import POSITION_DIGITS, ROW_BITS, unpack_rows
from gatewright.hw.accel.vit_core.jobs import job_layout
from gatewright.hw.accel.vit_core.program import ADDS, Kind, Source
from gatewright.hw.core.streams import layout
from gatewright.hw.moe.moe_engine.reader import pick
from gatewright.hw.moe.moe_engine.results import Hide, Weigh, saturate


class Results(wiring.Component):
    """Take rows of results in the order of their jobs.

    Members
    -------
    i_job, i : In(stream)
        The job whose results come, taken with the last; ``y`` (lanes,), ``last``.
    o_attention : Out(stream)
        Queries, keys and values: ``x``, a beat of `attention`; ``section`` says which.
    score_enable, score_data : Out
        Scores of classes, in order.
    ready : Out
        So many residual rows became final.
    done : Out(2)
        The last result of a job is written, be it hidden or not; both can be.
    finished : Out(1)
        The last score has come.

    Attributes
    ----------
    hidden, residual : ReadPort
        Hidden rows, a word ``inputs_per_cycle`` elements; residual rows, ``lanes`` elements.
    """

    def __init__(self, config: VitCoreConfig) -> None:
        self.config = config
        beats = config.features // config.lanes
        self.rows = Memory(shape=ROW_BITS * config.lanes, depth=config.tokens * beats, init=[])
        self.hidden_rows = Memory(shape=8 * config.inputs_per_cycle, depth=config.depth(Source.HIDDEN), init=[])
        self.residual, self.hidden = self.rows.read_port(), self.hidden_rows.read_port()
        beat = data.StructLayout({"x": unsigned(8 * config.attention.lanes), "section": unsigned(2)})
        super().__init__({
            "i_job": In(stream.Signature(job_layout(config))),
            "i": In(stream.Signature(layout(config.linear.outputs[0]))),
            "o_attention": Out(stream.Signature(beat)), "score_enable": Out(1),
            "score_data": Out(ROW_BITS * config.lanes),
            "ready": Out(range(config.tokens + 1)), "done": Out(2), "finished": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        """Count through a row; send each kind of job's results its way."""
        m = Module()
        config, job = self.config, self.i_job.payload
        m.submodules.rows, m.submodules.hidden_rows = self.rows, self.hidden_rows
        longest = max(config.tiles(kind) * config.outputs_per_cycle for kind in Kind) // config.lanes
        self.at, beat = Signal(range(longest)), Signal()
        self.other_done = Signal()  # jobs whose results are kept neither as hidden nor as residual row
        room = self._attend(m, beat)
        m.d.comb += [
            self.i.ready.eq(self.i_job.valid & ((job.kind != Kind.QKV) | room)), beat.eq(self.i.valid & self.i.ready),
            self.i_job.ready.eq(beat & self.i.payload.last),
            self.score_enable.eq(beat & (job.kind == Kind.HEAD)), self.score_data.eq(self.i.payload.y.as_value()),
            self.finished.eq(self.score_enable & self.i.payload.last),
        ]  # fmt: skip
        with m.If(beat):
            m.d.sync += self.at.eq(Mux(self.i.payload.last, 0, self.at + 1))
        self._hide(m, beat)
        self._add(m, beat)
        return m

    def _attend(self, m: Module, beat: Signal) -> Signal:
        """Gather beats for the attention; give whether there is room."""
        config, target, job = self.config, self.o_attention, self.i_job.payload
        parts = config.attention.lanes // config.lanes
        section = config.features // config.lanes  # beats of queries, of keys, of values
        room, come, whole = Signal(), Signal(), Signal()
        part, left, which = Signal(range(max(2, parts))), Signal(range(max(2, section)), init=section - 1), Signal(2)
        octets = Cat(saturate(value, 8)[:8] for value in self.i.payload.y)
        m.d.comb += [
            room.eq(~target.valid | target.ready),
            come.eq(beat & (job.kind == Kind.QKV)),
            whole.eq(part == parts - 1),
        ]
        with m.If(target.ready):
            m.d.sync += target.valid.eq(0)
        with m.If(come):
            shifted = Cat(target.payload.x, octets)[len(octets) :]
            m.d.sync += [target.payload.x.eq(shifted), part.eq(Mux(whole, 0, part + 1)), left.eq(left - 1)]
            m.d.sync += [target.payload.section.eq(which), target.valid.eq(whole)]
            with m.If(left == 0):
                m.d.sync += [left.eq(section - 1), which.eq(which + 1)]
            with m.If(self.i.payload.last):
                m.d.sync += [left.eq(section - 1), which.eq(0), part.eq(0)]
        other = Signal()
        m.d.comb += other.eq(beat & self.i.payload.last & ((job.kind == Kind.QKV) | (job.kind == Kind.HEAD)))
        m.d.comb += self.other_done.eq(other)
        return room

    def _hide(self, m: Module, beat: Signal) -> None:
        """Write hidden rows."""
        config, job = self.config, self.i_job.payload
        put = self.hidden_rows.write_port(granularity=8 * config.lanes)
        m.submodules.hide = hide = Hide(config.activation, config.inputs_per_cycle, len(put.addr))
        first = job.kind == Kind.FC1
        blocks = Mux(first, config.blocks(Kind.FC2), config.blocks(Kind.EXPERT2))
        m.d.comb += [
            hide.valid.eq(beat & (first | (job.kind == Kind.EXPERT1))), hide.last.eq(self.i.payload.last),
            hide.y.eq(self.i.payload.y), hide.base.eq(job.token * blocks), self.done[0].eq(hide.done),
            put.addr.eq(hide.address), put.en.eq(hide.enable),
            put.data.eq(Cat([hide.data] * (config.inputs_per_cycle // config.lanes))),
        ]  # fmt: skip

    def _add(self, m: Module, beat: Signal) -> None:
        """Add to residual rows; an embedded patch is added to its position instead."""
        config, job = self.config, self.i_job.payload
        beats = config.features // config.lanes
        get, put = self.rows.read_port(), self.rows.write_port()
        m.submodules.positions = positions = Memory(
            shape=ROW_BITS * config.lanes, depth=config.tokens * beats, init=position_words(config)
        )
        place = positions.read_port()
        m.submodules.weigh = weigh = Weigh(ROW_BITS, config.lanes, config.fraction + 1, config.fraction, len(put.addr))
        adds = pick([int(kind in ADDS) for kind in Kind], job.kind)
        embeds, embedded = Signal(reset_less=True), Signal(reset_less=True)
        m.d.sync += [embeds.eq(job.kind == Kind.EMBED), embedded.eq(embeds)]
        m.d.comb += [
            weigh.valid.eq(beat & adds), weigh.last.eq(self.i.payload.last), weigh.y.eq(self.i.payload.y),
            weigh.weight.eq(job.weight), weigh.address.eq(job.token * beats + self.at),
            get.addr.eq(weigh.get_address), place.addr.eq(weigh.get_address),
            weigh.base.eq(Mux(embedded, place.data, get.data)),
            put.addr.eq(weigh.put_address), put.en.eq(weigh.put), put.data.eq(weigh.total),
            self.done[1].eq(weigh.done | self.other_done),
        ]  # fmt: skip
        self._ready(m, weigh.done)

    def _ready(self, m: Module, done: Signal) -> None:
        """Tell which rows are final: a dense layer's at once, a mixture's with its last; one behind the last block."""
        config, job = self.config, self.i_job.payload
        tokens = config.tokens
        once = (job.kind != Kind.EXPERT2) & ~((job.kind == Kind.FC2) & job.closing & (job.token != 0))
        count = Mux(job.final, Mux(job.closing, 1, tokens), once)
        for index in range(3):
            held = Signal(range(tokens + 1), name=f"final_{index}", reset_less=True)
            m.d.sync += held.eq(count)
            count = held
        m.d.comb += self.ready.eq(Mux(done, count, 0))


def position_words(config: VitCoreConfig) -> list[int]:
    """Lay positions out as words of ``lanes`` elements."""
    values = unpack_rows(config.positions, POSITION_DIGITS).reshape(-1, config.lanes)
    mask = (1 << ROW_BITS) - 1
    return [sum((value & mask) << (ROW_BITS * lane) for lane, value in enumerate(word)) for word in values.tolist()]
