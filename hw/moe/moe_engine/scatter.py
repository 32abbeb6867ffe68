# SPDX-License-Identifier: BSD-2-Clause
"""Where results go: through the activation to the hidden rows, or weighted onto the residual rows."""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from gatewright.hw.core.streams import layout
from gatewright.hw.moe.moe_engine.config import MoeEngineConfig
from gatewright.hw.nonlinear.activation.component import Activation


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
        longest = max(config.features, config.hidden) // config.lanes
        self.at = Signal(range(longest))
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
        """Saturate to 8 bits, apply the activation, write; the address goes beside."""
        config = self.config
        per_word = config.inputs_per_cycle // config.lanes
        m.submodules.activation = unit = Activation(config.activation)
        m.d.comb += [unit.i.valid.eq(beat), unit.o.ready.eq(1), unit.i.payload.last.eq(self.i.payload.last)]
        for lane, value in enumerate(self.i.payload.y):
            m.d.comb += unit.i.payload.x[lane].eq(saturate(value, 8))
        shift = (per_word - 1).bit_length()
        if per_word == 1 << shift:
            word, part = self.at >> shift, self.at[:shift]
        else:
            word, part = Signal(len(self.at)), Signal(range(per_word))
            with m.If(beat):
                ends = part == per_word - 1
                m.d.sync += [part.eq(Mux(ends, 0, part + 1)), word.eq(word + ends)]
                with m.If(self.i.payload.last):
                    m.d.sync += word.eq(0)
        address = self.i_job.payload.token * config.blocks(1) + word
        enable = Cat((part == index) for index in range(per_word)) if per_word > 1 else Const(1, 1)
        for _ in range(config.activation.latency):
            held = Signal(len(self.hidden_address), reset_less=True), Signal(per_word, reset_less=True)
            m.d.sync += [held[0].eq(address), held[1].eq(enable)]
            address, enable = held
        m.d.comb += [
            self.hidden_address.eq(address), self.hidden_data.eq(unit.o.payload.y.as_value()),
            self.hidden_enable.eq(enable & unit.o.valid.replicate(per_word)),
            self.hidden_done.eq(unit.o.valid & unit.o.payload.last),
        ]  # fmt: skip

    def _add(self, m: Module, beat: Value) -> None:
        """Weigh, round, add to the residual: a product, a read beside it, a sum, a write."""
        config, job = self.config, self.i_job.payload
        bits, fraction = config.row.bits, config.weight_bits
        m.submodules.rows = rows = Memory(
            shape=bits * config.lanes, depth=config.tokens * config.features // config.lanes, init=[]
        )
        put, get = rows.write_port(), rows.read_port()
        address: Value = (job.token * (config.features // config.lanes) + self.at)[: len(put.addr)]
        valid, last, final = beat, self.i.payload.last, job.final
        stages = []
        for name in ("weigh", "round", "write"):
            held = [Signal(name=f"{name}_valid"), Signal(name=f"{name}_last", reset_less=True)]
            held += [Signal(name=f"{name}_final", reset_less=True), Signal.like(put.addr, name=f"{name}_address")]
            m.d.sync += Cat(held).eq(Cat(valid, last, final, address))
            valid, last, final, address = held
            stages.append(held)
        m.d.comb += [self.row_done.eq(valid & last)]
        self._walk(m, put, get, valid, address, stages[0][3], valid & last & final)
        sums = []
        for lane, value in enumerate(self.i.payload.y):
            y, weight = Signal(signed(bits), reset_less=True), Signal(fraction, reset_less=True)
            product = Signal(signed(bits + fraction), reset_less=True)
            total = Signal(signed(bits), reset_less=True)
            m.d.sync += [y.eq(value), weight.eq(job.weight), product.eq(y * weight)]
            rounded = (product + (1 << (fraction - 1))) >> fraction
            m.d.sync += total.eq(saturate(rounded + get.data.word_select(lane, bits).as_signed(), bits))
            sums.append(total)
        with m.If(valid):
            m.d.comb += put.data.eq(Cat(sums))
        with m.Else():
            m.d.comb += put.data.eq(self.i_r.payload.x.as_value())

    def _walk(self, m: Module, put: Any, get: Any, write: Value, at: Value, read: Value, done: Value) -> None:
        """Fill the rows, lend their ports to the additions, give the rows out."""
        beats = self.config.features // self.config.lanes
        depth = self.config.tokens * beats
        place, column = Signal(range(depth)), Signal(range(beats))
        draining, step, fill, full, ends = Signal(), Signal(), Signal(), Signal(), Signal(reset_less=True)
        m.d.comb += [
            self.filled.eq(full), self.i_r.ready.eq(~full), fill.eq(self.i_r.valid & ~full),
            step.eq(draining & (~self.o.valid | self.o.ready)),
            put.en.eq(write | fill), put.addr.eq(Mux(write, at, place)),
            get.addr.eq(Mux(draining, place, read)), get.en.eq(step | ~(draining | self.o.valid)),
            self.o.payload.x.as_value().eq(get.data), self.finished.eq(self.o.valid & self.o.ready & ends),
        ]  # fmt: skip
        whole = place == depth - 1
        with m.If(fill | step):
            m.d.sync += place.eq(Mux(whole, 0, place + 1))
        with m.If(fill & whole):
            m.d.sync += full.eq(1)
        with m.If(done):
            m.d.sync += draining.eq(1)
        with m.If(~self.o.valid | self.o.ready):
            m.d.sync += [self.o.valid.eq(draining), ends.eq(whole), self.o.payload.last.eq(column == beats - 1)]
        with m.If(step):
            m.d.sync += column.eq(Mux(column == beats - 1, 0, column + 1))
            with m.If(whole):
                m.d.sync += draining.eq(0)
        with m.If(self.finished):
            m.d.sync += full.eq(0)


def saturate(value: Value, bits: int) -> Value:
    """Clamp a signed value to ``bits`` bits, two's complement."""
    if len(value) <= bits:
        return value
    above = value[bits - 1 :]
    fits = above.all() | ~above.any()
    sign = value[-1]
    clamped = Cat((~sign).replicate(bits - 1), sign)
    return Mux(fits, value[:bits], clamped).as_signed()
