# SPDX-License-Identifier: BSD-2-Clause
"""Where results go: through the activation to the hidden rows, or weighted onto the residual rows."""

from typing import Any

from amaranth import Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from gatewright.hw.core.streams import layout
from gatewright.hw.moe.moe_engine.config import MoeEngineConfig
from gatewright.hw.moe.moe_engine.results import Hide, Weigh


class Scatter(wiring.Component):
    """Take results, never waiting; hold the residual rows, and give them out behind the final job.

    Members
    -------
    i_job : In(stream)
        ``turn``, ``token``, ``weight``, ``final`` of the row whose results come, taken with its last.
    i : In(stream)
        ``y`` (lanes,), ``last``.
    i_r, o : In(stream), Out(stream)
        Residual rows, before and after.
    filled : Out(1)
        They are all there.
    finished : Out(1)
        The last one leaves.
    hidden_address, hidden_data, hidden_enable : Out
        Write port of the hidden rows.
    hidden_done, row_done : Out(1)
        The last element of a row is written: of a hidden, of a residual one.
    """

    def __init__(self, config: MoeEngineConfig) -> None:
        self.config = config
        job = {"turn": 1, "token": config.token.bits, "weight": config.weight_bits, "final": 1}
        result, row = config.linear.outputs[0], config.inputs[1]
        super().__init__({
            "i_job": In(stream.Signature(data.StructLayout({name: unsigned(bits) for name, bits in job.items()}))),
            "i": In(stream.Signature(layout(result))), "i_r": In(stream.Signature(layout(row))),
            "o": Out(stream.Signature(layout(row))), "filled": Out(1), "finished": Out(1),
            "hidden_address": Out(range(max(2, config.tokens * config.blocks(1)))),
            "hidden_data": Out(8 * config.lanes), "hidden_enable": Out(config.inputs_per_cycle // config.lanes),
            "hidden_done": Out(1), "row_done": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        """Count through a row; build both ways."""
        m = Module()
        job, config = self.i_job.payload, self.config
        self.at = Signal(range(config.features // config.lanes))  # nobody looks at it while a hidden row comes
        beat = Signal()
        m.d.comb += [
            beat.eq(self.i.valid & self.i_job.valid), self.i.ready.eq(self.i_job.valid),
            self.i_job.ready.eq(beat & self.i.payload.last),
        ]  # fmt: skip
        with m.If(beat):
            m.d.sync += self.at.eq(Mux(self.i.payload.last, 0, self.at + 1))
        self._hide(m, beat & ~job.turn)
        self._add(m, beat & job.turn)
        return m

    def _hide(self, m: Module, beat: Value) -> None:
        """Hand results of the first layer on."""
        config = self.config
        m.submodules.hide = hide = Hide(config.activation, config.inputs_per_cycle, len(self.hidden_address))
        m.d.comb += [
            hide.valid.eq(beat), hide.last.eq(self.i.payload.last), hide.y.eq(self.i.payload.y),
            hide.base.eq(self.i_job.payload.token * config.blocks(1)),
            self.hidden_address.eq(hide.address), self.hidden_data.eq(hide.data), self.hidden_enable.eq(hide.enable),
            self.hidden_done.eq(hide.done),
        ]  # fmt: skip

    def _add(self, m: Module, beat: Value) -> None:
        """Weigh results of the second layer and add them to their row."""
        config, job = self.config, self.i_job.payload
        bits, beats = config.row.bits, config.features // config.lanes
        m.submodules.rows = rows = Memory(shape=bits * config.lanes, depth=config.tokens * beats, init=[])
        put, get = rows.write_port(), rows.read_port()
        m.submodules.weigh = weigh = Weigh(bits, config.lanes, config.weight_bits, config.weight_bits, len(put.addr))
        m.d.comb += [
            weigh.valid.eq(beat), weigh.last.eq(self.i.payload.last), weigh.final.eq(job.final),
            weigh.y.eq(self.i.payload.y),
            weigh.weight.eq(job.weight), weigh.address.eq(job.token * beats + self.at),
            weigh.base.eq(get.data), self.row_done.eq(weigh.done),
        ]  # fmt: skip
        self._walk(m, put, get, weigh)
        with m.If(weigh.put):
            m.d.comb += put.data.eq(weigh.total)
        with m.Else():
            m.d.comb += put.data.eq(self.i_r.payload.x.as_value())

    def _walk(self, m: Module, put: Any, get: Any, weigh: Weigh) -> None:
        """Fill the rows, lend their ports to the additions, give the rows out."""
        beats = self.config.features // self.config.lanes
        depth = self.config.tokens * beats
        place, column = Signal(range(depth)), Signal(range(beats))
        draining, step, fill, full, ends = Signal(), Signal(), Signal(), Signal(), Signal(reset_less=True)
        m.d.comb += [
            self.filled.eq(full), self.i_r.ready.eq(~full), fill.eq(self.i_r.valid & ~full),
            step.eq(draining & (~self.o.valid | self.o.ready)),
            put.en.eq(weigh.put | fill), put.addr.eq(Mux(weigh.put, weigh.put_address, place)),
            get.addr.eq(Mux(draining, place, weigh.get_address)), get.en.eq(step | ~(draining | self.o.valid)),
            self.o.payload.x.as_value().eq(get.data), self.finished.eq(self.o.valid & self.o.ready & ends),
        ]  # fmt: skip
        whole = place == depth - 1
        with m.If(fill | step):
            m.d.sync += place.eq(Mux(whole, 0, place + 1))
        with m.If(fill & whole):
            m.d.sync += full.eq(1)
        with m.If(weigh.all_done):
            m.d.sync += draining.eq(1)
        with m.If(~self.o.valid | self.o.ready):
            m.d.sync += [self.o.valid.eq(draining), ends.eq(whole), self.o.payload.last.eq(column == beats - 1)]
        with m.If(step):
            m.d.sync += column.eq(Mux(column == beats - 1, 0, column + 1))
            with m.If(whole):
                m.d.sync += draining.eq(0)
        with m.If(self.finished):
            m.d.sync += full.eq(0)
