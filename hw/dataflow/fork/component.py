# SPDX-License-Identifier: BSD-2-Clause
"""Fork."""

from typing import Any

from amaranth import Module, Signal
from amaranth.lib import stream

from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.dataflow.fork.config import ForkConfig


class Fork(RoomComponent):
    """Copy every beat to each output; outputs that have theirs wait for the others.

    Members
    -------
    i : In(stream)
        Words: ``data`` of ``width`` bits, ``last``.
    o_0, o_1, ... : Out(stream)
        The same beats, in the same cycle if the output is ready.
    """

    config: ForkConfig
    i: stream.Interface

    def __init__(self, config: ForkConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Remember, per output, whether it already has the beat that waits."""
        m = Module()
        count = self.config.output_count
        taken, settled = Signal(count), Signal(count)
        m.d.comb += self.i.ready.eq(settled.all())
        for k in range(count):
            output = getattr(self, f"o_{k}")
            m.d.comb += [
                output.payload.eq(self.i.payload),
                output.valid.eq(self.i.valid & ~taken[k]),
                settled[k].eq(taken[k] | output.ready),
            ]
        with m.If(self.i.valid):
            with m.If(self.i.ready):
                m.d.sync += taken.eq(0)
            with m.Else():
                m.d.sync += taken.eq(settled)
        return m
