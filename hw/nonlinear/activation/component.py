# SPDX-License-Identifier: BSD-2-Clause
"""Activation."""

from typing import Any

from amaranth import Module
from amaranth.lib import stream

from gatewright.hw.core.pipe import connect
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.nonlinear.activation.config import ActivationConfig
from gatewright.hw.nonlinear.activation.lane import activate


class Activation(RoomComponent):
    """Apply the function to ``lanes`` elements a beat.

    Members
    -------
    i : In(stream)
        ``x`` (lanes,), ``last``.
    o : Out(stream)
        ``y`` (lanes,), ``last``.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: ActivationConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Build the lanes under one enable."""
        m = Module()
        pipe = connect(m, self.i, self.o, self.config.latency)
        for lane in range(self.config.lanes):
            result = activate(pipe, self.config, self.i.payload.x[lane], f"lane_{lane}")
            m.d.comb += self.o.payload.y[lane].eq(result)
        return m
