# SPDX-License-Identifier: BSD-2-Clause
"""RMSNorm and LayerNorm."""

from typing import Any

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import stream

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.dataflow.fifo.component import Fifo
from gatewright.hw.nonlinear.norm.apply import centre, normalise, shift
from gatewright.hw.nonlinear.norm.config import NormConfig
from gatewright.hw.nonlinear.norm.queue import RowQueue
from gatewright.hw.nonlinear.norm.root import Scale, find_scale
from gatewright.hw.nonlinear.norm.statistics import sum_rows
from gatewright.hw.quantise.quantise_rows.component import QuantiseRows


class Norm(RoomComponent):
    """Normalise rows, ``lanes`` elements a beat.

    One row is summed, one has its scale found, one leaves.

    Members
    -------
    i : In(stream)
        ``x`` (lanes,), ``last``.
    i_weight : In(stream)
        ``weight`` and, for kind ``layer`` with output ``static``, ``bias`` (lanes,).
    o : Out(stream)
        ``q`` (lanes,), for output ``dynamic`` the row's ``scale``, ``last``.
    """

    config: NormConfig
    i: stream.Interface
    i_weight: stream.Interface
    o: stream.Interface

    def __init__(self, config: NormConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Build what the config names."""
        m, config = Module(), self.config
        push, take, hand = Signal(), Signal(), Signal()
        x = [self.i.payload.x[lane] for lane in range(config.lanes)]
        sums = sum_rows(m, config, push, x, self.i.payload.last, take)
        busy, steps = Signal(), Signal(range(config.scale_cycles), reset_less=True)
        scale = find_scale(m, config, sums, take, steps)
        known = busy & ~steps.any()
        with m.If(take):
            m.d.sync += [busy.eq(1), steps.eq(config.scale_cycles - 1)]
        with m.Else():
            with m.If(hand):
                m.d.sync += busy.eq(0)
            with m.If(steps.any()):
                m.d.sync += steps.eq(steps - 1)

        if config.output == "static":
            m.d.comb += take.eq(sums.complete & ~busy)
            self._static(m, push, sums.enable, known, hand, scale)
        elif config.kind == "rms":
            m.d.comb += take.eq(sums.complete & ~busy)
            self._gain(m, push, sums.enable)
            self._scaled(m, known, hand, scale)
        else:
            self._centre(m, push, sums.enable, take, sums.complete & ~busy, scale)
            self._scaled(m, known, hand, scale)
        return m

    def _queue(self, m: Module, push: Signal, enable: Value, release: Value, pop: Value) -> RowQueue:
        word = Cat(self.i.payload.x, self.i.payload.last)
        queue = RowQueue(m, self.config, word, push, release, pop)
        m.d.comb += [self.i.ready.eq(enable & queue.room), push.eq(self.i.valid & self.i.ready)]
        return queue

    def _static(self, m: Module, push: Signal, enable: Value, known: Value, hand: Signal, scale: Scale) -> None:
        """Scale a row while it leaves."""
        config, pipe, pop = self.config, Pipe(m), Signal()
        queue = self._queue(m, push, enable, hand, pop)
        m.d.comb += hand.eq(known & queue.free)
        held = Pipe(m)  # the scale of the row that leaves, so that the next can be sought
        m.d.comb += held.enable.eq(hand)
        total = scale.total if config.centre_first else scale.total * scale.digits
        scale = Scale(held(scale.digits, "held_digits"), held(scale.code, "held_code"), held(total, "held_total"))

        m.d.comb += pipe.enable.eq(~self.o.valid | self.o.ready)
        self._pop(m, pipe, queue, pop)
        affine = self.i_weight.payload
        weight = [affine.weight[lane] for lane in range(config.lanes)]
        bias = [affine.bias[lane] for lane in range(config.lanes)] if config.kind == "layer" else []
        for lane, q in enumerate(normalise(pipe, config, self._elements(queue), weight, bias, scale)):
            m.d.comb += self.o.payload.q[lane].eq(q)
        m.d.comb += self.o.payload.last.eq(pipe(queue.head[-1], "last", config.apply_cycles))
        _carry(m, pipe, pop, self.o.valid, config.apply_cycles)

    def _pop(self, m: Module, pipe: Pipe, queue: RowQueue, pop: Signal) -> None:
        m.d.comb += self.i_weight.ready.eq(queue.leaving & pipe.enable)
        m.d.comb += pop.eq(self.i_weight.valid & self.i_weight.ready)

    def _elements(self, queue: RowQueue) -> list[Value]:
        return [queue.head.word_select(lane, self.config.in_bits).as_signed() for lane in range(self.config.lanes)]

    def _gain(self, m: Module, push: Signal, enable: Value) -> None:
        """Multiply elements by their gains as they come, for the quantiser: the root cancels there."""
        pipe, quantiser, lanes = Pipe(m), self._quantiser(m), range(self.config.lanes)
        free = enable & pipe.enable
        m.d.comb += [
            self.i.ready.eq(free & self.i_weight.valid),
            self.i_weight.ready.eq(free & self.i.valid),
            push.eq(self.i.valid & self.i.ready),
        ]
        x = [self.i.payload.x[lane] for lane in lanes]
        self._quantise(m, pipe, quantiser, x, self.i.payload.last, push, 0)

    def _centre(self, m: Module, push: Signal, enable: Value, take: Signal, summed: Value, scale: Scale) -> None:
        """Centre a row and multiply it by its gains while its scale is sought, for the quantiser."""
        config, pipe, pop, quantiser = self.config, Pipe(m), Signal(), self._quantiser(m)
        queue = self._queue(m, push, enable, take, pop)
        m.d.comb += take.eq(summed & queue.free)
        self._pop(m, pipe, queue, pop)
        total = pipe(scale.total, "total", config.centre_cycles - 1)
        centred = [centre(pipe, config, element, total) for element in self._elements(queue)]
        self._quantise(m, pipe, quantiser, centred, queue.head[-1], pop, config.centre_cycles)

    def _quantiser(self, m: Module) -> QuantiseRows:
        m.submodules.quantiser = quantiser = QuantiseRows(self.config.quantiser)
        return quantiser

    def _quantise(
        self, m: Module, pipe: Pipe, quantiser: QuantiseRows, x: list[Value], last: Value, valid: Value, late: int
    ) -> None:
        """Multiply by the gains, which come ``late`` cycles before their elements, and quantise."""
        m.d.comb += pipe.enable.eq(~quantiser.i.valid | quantiser.i.ready)
        for lane, element in enumerate(x):
            weight = pipe(self.i_weight.payload.weight[lane], f"weight_{lane}", late)
            m.d.comb += quantiser.i.payload.x[lane].eq(pipe(element * weight, f"gained_{lane}"))
        m.d.comb += quantiser.i.payload.last.eq(pipe(last, "last", late + 1))
        _carry(m, pipe, valid, quantiser.i.valid, late + 1)

    def _scaled(self, m: Module, known: Value, hand: Signal, scale: Scale) -> None:
        """Queue the scales, and join each with its quantised row."""
        config, pipe = self.config, Pipe(m)
        quantiser: Any = m.submodules.quantiser
        m.submodules.scales = scales = Fifo(config.scale_queue)
        m.d.comb += [
            scales.i.valid.eq(known),
            scales.i.payload.data.eq(Cat(scale.digits, scale.code)),
            hand.eq(known & scales.i.ready),
        ]
        m.d.comb += pipe.enable.eq(~self.o.valid | self.o.ready)
        go, row = Signal(), quantiser.o.payload
        m.d.comb += [
            go.eq(quantiser.o.valid & scales.o.valid & pipe.enable),
            quantiser.o.ready.eq(scales.o.valid & pipe.enable),
            scales.o.ready.eq(quantiser.o.valid & row.last & pipe.enable),
        ]
        digits = scales.o.payload.data[: config.scale_bits]
        code = pipe(scales.o.payload.data[config.scale_bits :], "code")
        product = pipe(row.scale * digits, "peak").as_signed()
        m.d.comb += [
            self.o.payload.scale.eq(pipe(shift(config, product, code, config.peak_bits).as_unsigned(), "scale")),
            self.o.payload.q.eq(pipe(row.q.as_value(), "q", 2)),
            self.o.payload.last.eq(pipe(row.last, "last", 2)),
        ]
        _carry(m, pipe, go, self.o.valid, 2)


def _carry(m: Module, pipe: Pipe, valid: Value, out: Value, cycles: int) -> None:
    """Carry ``valid`` through ``cycles`` registers, the last of which is ``out``."""
    for stage in range(cycles):
        earlier, valid = valid, out if stage == cycles - 1 else Signal(name="valid")
        with m.If(pipe.enable):
            m.d.sync += valid.eq(earlier)
