# SPDX-License-Identifier: BSD-2-Clause
"""Gated unit."""

from typing import Any

from amaranth import Module, Value
from amaranth.lib import stream

from gatewright.hw.core.pipe import connect
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.nonlinear.activation.lane import activate, saturate
from gatewright.hw.nonlinear.gated.config import GatedConfig


class Gated(RoomComponent):
    """Multiply ``lanes`` elements a beat by the activations of their gates.

    Members
    -------
    i : In(stream)
        ``g`` (lanes,), ``u`` (lanes,), ``last``.
    o : Out(stream)
        ``h`` (lanes,), ``last``.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: GatedConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Build the lanes under one enable."""
        m, config = Module(), self.config
        pipe = connect(m, self.i, self.o, config.latency)
        for lane in range(config.lanes):
            gate = activate(pipe, config.activation, self.i.payload.g[lane], f"lane_{lane}")
            element = pipe(self.i.payload.u[lane], f"lane_{lane}_u", config.activation.latency)
            product = pipe(gate * element, f"lane_{lane}_product")
            m.d.comb += self.o.payload.h[lane].eq(pipe(_finish(config, product), f"lane_{lane}_h"))
        return m


def _finish(config: GatedConfig, product: Value) -> Value:
    """Divide by the power of two, round, saturate, without a register."""
    quotient = product.shift_right(config.shift)
    if config.shift:
        up = product[config.shift - 1]
        if config.rounding == "half_even":
            up &= quotient[0] | product[: config.shift - 1].any()
        quotient = quotient + up
    return saturate(quotient, config.reach, config.out_bits, signed=True)
