# SPDX-License-Identifier: BSD-2-Clause
"""Adder graph of a constant matrix."""

from typing import Any

from amaranth import Const, Module, Signal, Value, signed
from amaranth.lib import stream

from gatewright.hw.core.pipe import Pipe, connect
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.ternary.adder_graph.config import AdderGraphConfig


class AdderGraph(RoomComponent):
    """Multiply a vector with a constant ternary matrix every cycle.

    Members
    -------
    i : In(stream)
        ``x`` (input_count,), ``last``: activations.
    o : Out(stream)
        ``y`` (output_count,), ``last``: sums.
    """

    config: AdderGraphConfig
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: AdderGraphConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Build the nodes in order; each reads its operands out of their delay lines."""
        m = Module()
        config = self.config
        pipe = connect(m, self.i, self.o, config.latency)
        words = [
            _Word(pipe, self.i.payload.x[index], f"x_{index}", 0) for index in range(config.input_count)
        ]  # fmt: skip
        for number, node in enumerate(config.graph.nodes, config.input_count):
            stage, name = config.schedule.birth(number), f"sum_{number - config.input_count}"
            right = words[node.right].at(stage)
            left = Const(0) if node.left is None else words[node.left].at(stage)
            total = Signal(signed(config.bits[number]), name=name)
            m.d.comb += total.eq(left - right if node.minus else left + right)
            words.append(_Word(pipe, total, name, stage))
        for index, root in enumerate(config.graph.roots):
            y: Value = Const(0) if root is None else words[root].at(config.latency)
            m.d.comb += self.o.payload.y[index].eq(y)
        return m


class _Word:
    """A value and its delay line, as long as its latest reader needs."""

    def __init__(self, pipe: Pipe, value: Value, name: str, birth: int) -> None:
        self.pipe, self.name, self.birth, self.line = pipe, name, birth, [value]

    def at(self, stage: int) -> Value:
        """Give the value as it stands behind ``stage`` registers from the input."""
        while len(self.line) <= stage - self.birth:
            self.line.append(self.pipe(self.line[-1], f"{self.name}_{self.birth + len(self.line)}"))
        return self.line[stage - self.birth]
