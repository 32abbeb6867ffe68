# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the adder graph: a matrix of constants, and what follows from it."""

from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, StrictInt

from gatewright.hw.core.config import RoomConfig, choice, integer
from gatewright.hw.core.ports import PayloadField, StreamPort
from gatewright.hw.ternary.adder_graph.graph import Graph, build
from gatewright.hw.ternary.adder_graph.schedule import Schedule

INPUTS, OUTPUTS = 8, 6  # of the default matrix


def demo_weights() -> tuple[int, ...]:
    """Give a matrix with every weight and several common sums; the room's default."""
    return tuple((n * n + n // 3) % 3 - 1 for n in range(INPUTS * OUTPUTS))


class AdderGraphConfig(RoomConfig):
    """Compute ``y[n] = sum over k of weights[n, k] * x[k]`` for constant weights -1, 0, 1, exactly."""

    room: ClassVar[str] = "adder_graph"

    input_count: int = integer(INPUTS, 1, 256, doc="Activations of a vector: columns of the matrix.")
    output_count: int = integer(OUTPUTS, 1, 256, doc="Sums of a vector: rows of the matrix.")
    act_bits: int = integer(8, 4, 16, unit="bits", doc="Width of an activation, two's complement.")
    sharing: Literal["pairs", "none"] = choice(
        "pairs", doc="pairs computes sums that several outputs have in common once; none adds up each output alone."
    )
    stage_adders: int = integer(1, 1, 4, doc="Additions in a row between registers.")
    weights: tuple[StrictInt, ...] = Field(
        default_factory=demo_weights, description="The matrix, row after row: output_count * input_count of -1, 0, 1."
    )

    def check(self) -> None:
        """Check the number of weights and their values."""
        count = self.output_count * self.input_count
        self.require(
            len(self.weights) == count, f"weights must hold {count} numbers, one per output and input, "
            f"not {len(self.weights)}",
        )  # fmt: skip
        wrong = next((weight for weight in self.weights if not -1 <= weight <= 1), None)
        self.require(wrong is None, f"weights must lie in -1..1, not {wrong}")

    @cached_property
    def matrix(self) -> NDArray[np.int64]:
        """Weights as ``(output_count, input_count) int64``."""
        return np.array(self.weights, np.int64).reshape(self.output_count, self.input_count)

    @cached_property
    def graph(self) -> Graph:
        """Additions and their operands."""
        return build(self.matrix, self.sharing)

    @cached_property
    def bits(self) -> list[int]:
        """Least width of every operand of the graph, two's complement."""
        half = 1 << (self.act_bits - 1)
        return [1 + max((~low).bit_length(), high.bit_length()) for low, high in self.graph.ranges(-half, half - 1)]

    @cached_property
    def schedule(self) -> Schedule:
        """When each node adds."""
        return Schedule(self.graph, self.bits, self.stage_adders)

    @property
    def acc_bits(self) -> int:
        """Width of an output: that of the widest sum."""
        return max([self.bits[root] for root in self.graph.roots if root is not None], default=1)

    @property
    def adders(self) -> int:
        """Additions and subtractions in hardware."""
        return len(self.graph.nodes)

    @property
    def unshared_adders(self) -> int:
        """Additions that one tree per output needs; a row without positive weights needs a negation, too."""
        terms = np.abs(self.matrix).sum(axis=1)
        negative = (terms > 0) & (self.matrix.max(axis=1) < 1)
        return int((np.maximum(terms - 1, 0) + negative).sum())

    @property
    def registers(self) -> int:
        """Bits of registers for data, sums and what waits for them."""
        return self.schedule.registers

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Vectors of activations."""
        fields = (PayloadField("x", self.act_bits, True, (self.input_count,)), PayloadField("last", 1))
        return (StreamPort("i", fields, "A vector a beat; last is passed on."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Vectors of sums."""
        fields = (PayloadField("y", self.acc_bits, True, (self.output_count,)), PayloadField("last", 1))
        return (StreamPort("o", fields, "A beat for each beat of i."),)

    @property
    def latency(self) -> int:
        """One cycle per register stage."""
        return self.schedule.stages
