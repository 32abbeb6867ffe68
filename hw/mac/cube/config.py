# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the cube array, and of the arrays that are a cube with one side of length 1."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from gatewright.hw.core.config import RoomConfig, choice, flag, integer
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort


class CubeConfig(RoomConfig):
    """Multiply a rows x K tile of activations with a K x cols tile of weights, ``depth`` terms a cycle."""

    room: ClassVar[str] = "cube"

    rows: int = integer(4, 1, 64, doc="Rows of the result tile: activations broadcast along each.")
    cols: int = integer(4, 1, 64, doc="Columns of the result tile: weights broadcast along each.")
    depth: int = integer(4, 1, 64, doc="Terms of each dot product taken per cycle: leaves of an adder tree.")
    act_bits: int = integer(8, 1, 32, unit="bits", doc="Width of an activation.")
    weight_bits: int = integer(8, 1, 32, unit="bits", doc="Width of a weight.")
    act_signed: bool = flag(True, doc="Activations are two's complement.")
    weight_signed: bool = flag(True, doc="Weights are two's complement.")
    acc_bits: int = integer(32, 2, 62, unit="bits", doc="Width of an accumulator, two's complement.")
    k_max: int = integer(1024, 1, 1 << 24, doc="Longest dot product; the accumulator must hold it.")
    multiplier: Literal["plain", "booth", "dsp"] = choice(
        "plain", doc="How products are built: by the tool, as Booth rows in LUTs, or counting on a hard multiplier."
    )
    product_register: bool = flag(True, doc="A register after each multiplier.")
    tree_registers: bool = flag(False, doc="A register after each level of the adder tree.")

    def check(self) -> None:
        """Refuse accumulators that could overflow."""
        self.require(
            self.acc_bits >= self.sum_bits,
            f"acc_bits must be at least {self.sum_bits} to hold {self.beats_max * self.depth} products "
            f"(k_max in whole beats), not {self.acc_bits}",
        )

    @property
    def product_range(self) -> tuple[int, int]:
        """Smallest and largest product of an activation and a weight."""
        act, weight = self._operand("a", self.act_bits), self._operand("b", self.weight_bits)
        corners = [x * y for x in (act.low, act.high) for y in (weight.low, weight.high)]
        return min(corners), max(corners)

    @property
    def beats_max(self) -> int:
        """Beats of the longest packet."""
        return -(-self.k_max // self.depth)

    @property
    def sum_bits(self) -> int:
        """Bits that the longest packet's sum needs, two's complement."""
        low, high = (bound * self.beats_max * self.depth for bound in self.product_range)
        return 1 + max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0)

    @property
    def tree_levels(self) -> int:
        """Levels of the adder tree below each accumulator."""
        return (self.depth - 1).bit_length()

    @property
    def stages(self) -> int:
        """Registers between the operands and the accumulator."""
        return int(self.product_register) + (self.tree_levels if self.tree_registers else 0)

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """One stream that carries both operands."""
        act = self._operand("a", self.act_bits, (self.rows, self.depth))
        weight = self._operand("b", self.weight_bits, (self.depth, self.cols))
        fields = (act, weight, PayloadField("last", 1))
        return (StreamPort("i", fields, "A packet is one tile: ceil(K/depth) beats."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """The rows of the result."""
        fields = (PayloadField("sum", self.acc_bits, True, (self.cols,)), PayloadField("last", 1))
        return (StreamPort("o", fields, "Rows of the tile, row 0 first; last on the final row."),)

    def _operand(self, name: str, bits: int, shape: tuple[int, ...] = ()) -> PayloadField:
        return PayloadField(name, bits, self.act_signed if name == "a" else self.weight_signed, shape)

    @property
    def latency(self) -> int:
        """Of a packet of one beat: pipeline, drain register."""
        return self.stages + 1

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """A packet's first row follows its final beat by the latency."""
        return self.packet_lengths(inputs)[0] - 1 + self.latency

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Beats one per cycle, but a tile's final beat waits until the tile before has drained."""
        lengths = self.packet_lengths(inputs)
        following = sum(max(length, self.rows) for length in lengths[1:])
        return lengths[0] + self.stages + following + self.rows

    @staticmethod
    def packet_lengths(inputs: Mapping[str, Beats]) -> list[int]:
        """Beats of each complete packet."""
        ends = np.flatnonzero(inputs["i"]["last"])
        return [int(length) for length in np.diff(ends, prepend=-1)]
