# SPDX-License-Identifier: BSD-2-Clause
"""The engine with its weights, and the scales of what it gives."""

from typing import Any

from amaranth import Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from gatewright.hw.accel.lm_core.constants import weight_words
from gatewright.hw.accel.lm_core.cut import after
from gatewright.hw.accel.lm_core.program import Kind
from gatewright.hw.accel.lm_core.shape import ACT_BITS, MULTIPLIER_BITS, WIDE_BITS
from gatewright.hw.accel.lm_core.walk import Walk
from gatewright.hw.core.streams import layout
from gatewright.hw.dataflow.fifo.component import Fifo
from gatewright.hw.memory.weight_store.component import WeightStore
from gatewright.hw.quantise.dequantise.component import Dequantise
from gatewright.hw.quantise.requantise.component import Requantise
from gatewright.hw.ternary.ternary_matvec.component import TernaryMatvec


class Engine(wiring.Component):
    """Multiply rows with the matrices in order; scale results, but those of the head.

    Members
    -------
    start : In(1)
        A token begins.
    i : In(stream)
        ``x`` (outputs_per_cycle,) signed 8, ``last``: rows.
    i_scale : In(stream)
        Scales of rows that are quantised by their own; with dynamic activations.
    i_kind : In(stream)
        Which matrix's weights are next.
    o : Out(stream)
        ``y`` (outputs_per_cycle,) signed 16: scaled results.
    o_sum : Out(stream)
        ``x`` (outputs_per_cycle,), ``last``: the head's results.
    """

    def __init__(self, config: Any) -> None:
        self.config = config
        lanes = config.outputs_per_cycle
        row = StructLayout({"x": ArrayLayout(signed(ACT_BITS), lanes), "last": 1})
        super().__init__({
            "start": In(1), "i": In(stream.Signature(row)), "i_kind": In(stream.Signature(StructLayout({"kind": 3}))),
            "i_scale": In(stream.Signature(layout(config.scale_queue.inputs[0]))),
            "o": Out(stream.Signature(StructLayout({"y": ArrayLayout(signed(WIDE_BITS), lanes)}))),
            "o_sum": Out(stream.Signature(layout(config.argmax.inputs[0]))),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        """Join store, engine and scaling."""
        m = Module()
        m.submodules.matvec = self.matvec = TernaryMatvec(self.config.matvec)
        self._weights(m)
        matvec, rows = self.matvec, after(m, self.i, "rows_cut")
        m.d.comb += [
            matvec.i_x.valid.eq(rows.valid), rows.ready.eq(matvec.i_x.ready),
            matvec.i_x.payload.x.as_value().eq(rows.payload.x.as_value()),
            matvec.i_x.payload.last.eq(rows.payload.last),
        ]  # fmt: skip
        self._scale(m)
        return m

    def _weights(self, m: Module) -> None:
        """Turn kinds into runs of words; matrices lie in order of use."""
        config, matvec = self.config, self.matvec
        words = weight_words(config)
        code = matvec.i_w.payload.code.as_value()
        m.submodules.weights = store = WeightStore(config.store(words, len(code)))
        first = Signal(range(max(2, len(words))))
        play, kind = store.i_play, self.i_kind.payload.kind
        with m.Switch(kind):
            for each in Kind:
                blocks, sweep = config.runs(each)
                with m.Case(each):
                    m.d.comb += [play.payload.count.eq(sweep), play.payload.times.eq(blocks)]
                    with m.If(play.valid & play.ready):
                        m.d.sync += first.eq(first + blocks * sweep)
        with m.If(self.start):
            m.d.sync += first.eq(0)
        m.d.comb += [
            play.valid.eq(self.i_kind.valid), self.i_kind.ready.eq(play.ready), play.payload.first.eq(first),
            matvec.i_w.valid.eq(store.o.valid), store.o.ready.eq(matvec.i_w.ready), code.eq(store.o.payload.data),
            matvec.i_w.payload.last.eq(store.o.payload.last),
        ]  # fmt: skip

    def _scale(self, m: Module) -> None:
        """Scale each beat by its section's multipliers; let the head's sums go as they are."""
        config, sums = self.config, after(m, self.matvec.o, "sums_cut")
        dynamic = config.act == "dynamic"
        m.submodules.rescale = rescale = (Dequantise if dynamic else Requantise)(config.rescale)
        step = Signal()
        walk = Walk(m, config, self.start, step, "sums")
        go, scaled = rescale.i.payload, sums.valid & ~walk.head
        whole = self._logits(m, sums, sums.valid & walk.head)
        m.d.comb += [
            rescale.i.valid.eq(scaled), sums.ready.eq(Mux(walk.head, ~whole | self.o_sum.ready, rescale.i.ready)),
            step.eq(rescale.i.valid & rescale.i.ready), go.last.eq(sums.payload.last),
            self.o_sum.payload.last.eq(sums.payload.last),
            self.o.valid.eq(rescale.o.valid), rescale.o.ready.eq(self.o.ready),
            self.o.payload.y.as_value().eq((rescale.o.payload.y if dynamic else rescale.o.payload.q).as_value()),
        ]  # fmt: skip
        if dynamic:
            m.submodules.scales = scales = Fifo(config.scale_queue)
            m.d.comb += [
                scales.i.valid.eq(self.i_scale.valid), self.i_scale.ready.eq(scales.i.ready),
                scales.i.payload.eq(self.i_scale.payload), go.scale.eq(scales.o.payload.data),
                # A row's scale leaves its norm with the row's first beat, so it is here in time.
                scales.o.ready.eq(step & sums.payload.last),
            ]  # fmt: skip
        width = MULTIPLIER_BITS + config.shift_bits
        m.submodules.multipliers = memory = Memory(
            shape=2 * width, depth=len(config.scales) + 1,
            init=[_word(scale, width) for scale in config.scales],
        )  # fmt: skip
        port = memory.read_port()
        m.d.comb += port.addr.eq(walk.following)
        for lane in range(config.outputs_per_cycle):
            part = port.data.word_select(int(lane >= config.half), width)
            m.d.comb += [
                go.acc[lane].eq(sums.payload.y[0][lane]), go.multiplier[lane].eq(part[:MULTIPLIER_BITS]),
                go.shift[lane].eq(part[MULTIPLIER_BITS:]),
            ]  # fmt: skip

    def _logits(self, m: Module, sums: Any, valid: Value) -> Value:
        """Join the digits of the head's results, the highest first; tell whether a beat completes them."""
        digits, whole = self.config.head_digits, Signal(init=1)
        digit = Signal(range(max(2, digits)))
        if digits > 1:
            m.d.comb += whole.eq(digit == digits - 1)
            with m.If(valid & (~whole | self.o_sum.ready)):
                m.d.sync += digit.eq(Mux(whole, 0, digit + 1))
        m.d.comb += self.o_sum.valid.eq(valid & whole)
        for lane, target in enumerate(self.o_sum.payload.x):
            higher = Signal(target.shape(), name=f"higher_{lane}", reset_less=True)
            before = Mux(digit == 0, 0, higher) if digits > 1 else 0
            m.d.comb += target.eq(3 * before + sums.payload.y[0][lane])
            with m.If(valid):
                m.d.sync += higher.eq(target)
        return whole


def _word(scale: tuple[int, int, int, int], width: int) -> int:
    lower, code, upper, upper_code = scale
    return lower | code << MULTIPLIER_BITS | (upper | upper_code << MULTIPLIER_BITS) << width
