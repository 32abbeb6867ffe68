# SPDX-License-Identifier: BSD-2-Clause
"""Dequantiser."""

from typing import Any

from amaranth import Module, Value
from amaranth.lib import stream

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.quantise.dequantise.config import DequantiseConfig
from gatewright.hw.quantise.requantise.component import Requantise


class Dequantise(RoomComponent):
    """Multiply both scales, then scale ``lanes`` accumulators a beat by the product.

    Members
    -------
    i : In(stream)
        ``acc`` (lanes,), ``scale``, ``multiplier`` and ``shift`` (scalar or (lanes,)), ``last``.
    o : Out(stream)
        ``y`` (lanes,), ``last``.
    """

    config: DequantiseConfig
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: DequantiseConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """One register stage before the requantiser, which needs none of its own then."""
        m = Module()
        config, pipe = self.config, Pipe(m)
        m.submodules.rescale = rescale = Requantise(config.rescale)
        taken, given = self.i.payload, rescale.i.payload
        m.d.comb += [
            pipe.enable.eq(~rescale.i.valid | rescale.i.ready),
            self.i.ready.eq(pipe.enable),
            given.last.eq(pipe(taken.last, "last")),
        ]
        with m.If(pipe.enable):
            m.d.sync += rescale.i.valid.eq(self.i.valid)

        # The row's scale belongs to all lanes: with scope tensor this is one multiplier for the whole beat.
        m.d.comb += [to.eq(pipe(acc, "acc")) for to, acc in zip(given.acc, taken.acc, strict=True)]
        if config.scope == "channel":
            factors = zip(given.multiplier, taken.multiplier, strict=True)
            m.d.comb += [to.eq(pipe(taken.scale * factor, "factor")) for to, factor in factors]
        else:
            m.d.comb += given.multiplier.eq(pipe(taken.scale * taken.multiplier, "factor"))
        if config.shift_bits:
            m.d.comb += Value.cast(given.shift).eq(pipe(Value.cast(taken.shift), "shift"))

        m.d.comb += [
            self.o.payload.y.as_value().eq(rescale.o.payload.q.as_value()),
            self.o.payload.last.eq(rescale.o.payload.last),
            self.o.valid.eq(rescale.o.valid),
            rescale.o.ready.eq(self.o.ready),
        ]
        return m
