# SPDX-License-Identifier: BSD-2-Clause
"""Ternary matrix-vector unit."""

from typing import Any

from amaranth import Cat, Const, Module, Signal, Value
from amaranth.lib import stream

from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.quantise.dequantise.component import Dequantise
from gatewright.hw.ternary.ternary_matvec.config import TernaryMatvecConfig
from gatewright.hw.ternary.ternary_matvec.scaling import scale_groups
from gatewright.hw.ternary.tlmm.component import Tlmm
from gatewright.hw.ternary.trit_decode.decoders import decoder


class TernaryMatvec(RoomComponent):
    """Gather blocks of activations, unpack weights, run the engine, scale what it gives.

    Members
    -------
    i_x : In(stream)
        ``x`` (vectors, lanes), ``last``: ends a vector.
    i_w : In(stream)
        ``code``, ``last``: weights of one block of inputs, a packet per block.
    i_group : In(stream)
        ``scale`` (outputs_per_cycle,), ``final``; only with ``scale_blocks``.
    i_scale : In(stream)
        ``scale`` (vectors,), ``multiplier``, ``shift``; only if results are dequantised.
    o : Out(stream)
        ``y`` (vectors, outputs_per_cycle), ``last``.
    """

    config: TernaryMatvecConfig
    i_x: stream.Interface
    i_w: stream.Interface
    o: stream.Interface

    def __init__(self, config: TernaryMatvecConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Build the way of the activations, that of the weights, and that of the results."""
        m = Module()
        m.submodules.engine = self.engine = Tlmm(self.config.engine)
        self._blocks(m)
        self._weights(m)
        sums: Any = self.engine.o
        if self.config.scale_blocks:
            sums = scale_groups(m, self.config, sums, self.i_group)
        if self.config.output == "dequantised":
            self._dequantise(m, sums)
        else:
            m.d.comb += [
                self.o.valid.eq(sums.valid), sums.ready.eq(self.o.ready),
                self.o.payload.y.as_value().eq(sums.payload.y.as_value()), self.o.payload.last.eq(sums.payload.last),
            ]  # fmt: skip
        return m

    def _blocks(self, m: Module) -> None:
        """Hand blocks to the engine; those that end a group of inputs with a scale end a vector of the engine."""
        target, config = self.engine.i_x, self.config
        source = self._gather(m) if config.gathers else self.i_x
        m.d.comb += [
            target.valid.eq(source.valid), source.ready.eq(target.ready),
            target.payload.x.as_value().eq(source.payload.x.as_value()),
        ]  # fmt: skip
        if not 1 < config.engine.blocks_max < config.blocks_max:
            m.d.comb += target.payload.last.eq(source.payload.last if config.engine.blocks_max > 1 else 1)
            return
        left = Signal(range(config.scale_blocks), init=config.scale_blocks - 1)
        m.d.comb += target.payload.last.eq(source.payload.last | (left == 0))
        with m.If(target.valid & target.ready):
            m.d.sync += left.eq(left - 1)
            with m.If(target.payload.last):
                m.d.sync += left.eq(config.scale_blocks - 1)

    def _gather(self, m: Module) -> Any:
        """Gather beats into a block while the block before it stands at the engine."""
        config, beats = self.config, self.config.block // self.config.lanes
        given = stream.Signature(self.engine.i_x.payload.shape()).create()
        gathered = [Signal(config.act_bits * config.lanes, name=f"beat_{v}_{k}", reset_less=True)
                    for v in range(config.vectors) for k in range(beats)]  # fmt: skip
        full, last, filled = Signal(), Signal(reset_less=True), Signal(range(beats))
        move = Signal()
        free = ~given.valid | given.ready if config.direct_input else ~given.valid
        m.d.comb += [move.eq(full & free), self.i_x.ready.eq(~full | move)]
        with m.If(move):
            m.d.sync += [given.valid.eq(1), given.payload.last.eq(last), full.eq(0)]
            m.d.sync += given.payload.x.as_value().eq(Cat(gathered))
        with m.Elif(given.ready):
            m.d.sync += given.valid.eq(0)
        with m.If(self.i_x.valid & self.i_x.ready):
            done = self.i_x.payload.last | (filled == beats - 1)
            m.d.sync += [last.eq(self.i_x.payload.last), full.eq(done), filled.eq(filled + 1)]
            with m.If(done):
                m.d.sync += filled.eq(0)
            for index, beat in enumerate(gathered):
                vector, place = divmod(index, beats)
                with m.If(filled == place):
                    m.d.sync += beat.eq(self.i_x.payload.x[vector].as_value())
                if place:  # a block's first beat clears what the block before left in the others
                    with m.Elif(filled == 0):
                        m.d.sync += beat.eq(0)
        return given

    def _weights(self, m: Module) -> None:
        """Pass codes on, or unpack them into the engine's and a register."""
        target, packing = self.engine.i_w, self.config.packed
        if packing is None:
            m.d.comb += [
                target.valid.eq(self.i_w.valid), self.i_w.ready.eq(target.ready),
                target.payload.eq(self.i_w.payload),
            ]  # fmt: skip
            return
        decode, trits = decoder(packing), []
        for k, code in enumerate(self.i_w.payload.code):
            trits.append(decode(m, packing, code, f"unpack_{k}")[0])
        m.d.comb += self.i_w.ready.eq(~target.valid | target.ready)
        with m.If(self.i_w.ready):
            m.d.sync += target.valid.eq(self.i_w.valid)
        with m.If(self.i_w.ready & self.i_w.valid):  # what is idle is quiet
            m.d.sync += target.payload.last.eq(self.i_w.payload.last)
            # The last group may be whole only by its padding.
            m.d.sync += target.payload.code.as_value().eq(Cat(trits)[: len(target.payload.code.as_value())])

    def _dequantise(self, m: Module, sums: Any) -> None:
        """Scale the sums of each vector; all are in step."""
        config, scale = self.config, self.i_scale
        units = [Dequantise(config.dequantise) for _ in range(config.vectors)]
        ready: Value = units[0].i.ready
        last = sums.payload.last if config.dequantise.scope == "tensor" else Const(1)
        m.d.comb += [
            sums.ready.eq(ready & scale.valid), scale.ready.eq(ready & sums.valid & last),
            self.o.valid.eq(units[0].o.valid), self.o.payload.last.eq(units[0].o.payload.last),
        ]  # fmt: skip
        for vector, unit in enumerate(units):
            m.submodules[f"dequantise_{vector}"] = unit
            m.d.comb += [
                unit.i.valid.eq(sums.valid & scale.valid), unit.o.ready.eq(self.o.ready),
                unit.i.payload.acc.eq(sums.payload.y[vector]), unit.i.payload.last.eq(sums.payload.last),
                unit.i.payload.scale.eq(scale.payload.scale[vector]),
                self.o.payload.y[vector].eq(unit.o.payload.y),
            ]  # fmt: skip
            for name in ("multiplier", "shift"):
                if hasattr(unit.i.payload, name):
                    m.d.comb += getattr(unit.i.payload, name).eq(getattr(scale.payload, name))
