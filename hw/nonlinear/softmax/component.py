# SPDX-License-Identifier: BSD-2-Clause
"""Softmax."""

from typing import Any

from amaranth import Module
from amaranth.lib import stream

from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.nonlinear.softmax import exact, fixed_phi, online, shifted
from gatewright.hw.nonlinear.softmax.config import SoftmaxConfig

_BUILD = {
    "exact": exact.build,
    "online": online.build,
    "two_pass": shifted.build,
    "base2": shifted.build,
    "fixed_phi": fixed_phi.build,
}


class Softmax(RoomComponent):
    """Normalise rows of scores, ``lanes`` elements a beat.

    Members
    -------
    i : In(stream)
        ``score`` (lanes,), ``keep`` (lanes,) or ``limit`` if masked, ``last``.
    o : Out(stream)
        ``p`` (lanes,), ``last``.
    """

    config: SoftmaxConfig
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: SoftmaxConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Build the algorithm that the config names."""
        m = Module()
        _BUILD[self.config.algorithm](m, self.config, self.i, self.o)
        return m
