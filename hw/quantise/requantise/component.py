# SPDX-License-Identifier: BSD-2-Clause
"""Requantiser."""

from typing import Any

from amaranth import Const, Module, Value
from amaranth.lib import stream

from gatewright.hw.core.pipe import Pipe, connect
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.quantise.requantise.config import RequantiseConfig
from gatewright.hw.quantise.requantise.parallel import divide, multiply
from gatewright.hw.quantise.requantise.rounding import finish
from gatewright.hw.quantise.requantise.serial import Steps, moving, multiply_and_divide


class Requantise(RoomComponent):
    """Scale, round, offset and saturate ``lanes`` accumulators a beat.

    Members
    -------
    i : In(stream)
        ``acc`` (lanes,), ``multiplier`` and ``shift`` (scalar or (lanes,)), ``last``.
    o : Out(stream)
        ``q`` (lanes,), ``last``.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: RequantiseConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Build the engine that the config names."""
        m = Module()
        if self.config.engine == "serial":
            self._serial(m)
        else:
            self._parallel(m)
        return m

    def _parallel(self, m: Module) -> None:
        config = self.config
        pipe = connect(m, self.i, self.o, config.latency)
        first, depth = int(config.input_register), 1 + config.adder_levels
        scales = [(pipe(factor, "factor", first), pipe(code, "code", first)) for factor, code in self._scales()]
        late = [pipe(code, "code", depth) for _, code in scales]
        for lane in range(config.lanes):
            scale = lane if config.scope == "channel" else 0
            acc = pipe(self.i.payload.acc[lane], "acc", first)
            product = multiply(pipe, config.rows, config.product_bits, acc, scales[scale][0])
            quotient = divide(pipe, config, product, late[scale])
            m.d.comb += self.o.payload.q[lane].eq(pipe(finish(m, config, quotient, f"lane_{lane}"), "q"))

    def _serial(self, m: Module) -> None:
        config, pipe = self.config, Pipe(m)
        free = ~self.o.valid | self.o.ready
        steps = Steps(m, config, self.i.valid, free)
        m.d.comb += pipe.enable.eq(steps.clear)
        # The beat waits at the input until its last step: the input is the operand register.
        m.d.comb += self.i.ready.eq(steps.done & free)

        scales = [(factor, code, moving(m, config, steps, code)) for factor, code in self._scales()]
        for lane in range(config.lanes):
            factor, code, move = scales[lane if config.scope == "channel" else 0]
            acc = self.i.payload.acc[lane]
            quotient = multiply_and_divide(m, config, steps, move, acc, factor, code)
            m.d.comb += self.o.payload.q[lane].eq(pipe(finish(m, config, quotient, f"lane_{lane}"), "q"))

        m.d.comb += self.o.payload.last.eq(pipe(self.i.payload.last, "last"))
        with m.If(steps.clear):
            m.d.sync += self.o.valid.eq(1)
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)

    def _scales(self) -> list[tuple[Value, Value]]:
        """Give multiplier and shift code of each lane, or the pair that all lanes share."""
        payload = self.i.payload
        if self.config.scope == "tensor":
            return [(payload.multiplier, payload.shift if self.config.shift_bits else Const(0, 0))]
        return [
            (payload.multiplier[lane], payload.shift[lane] if self.config.shift_bits else Const(0, 0))
            for lane in range(self.config.lanes)
        ]
