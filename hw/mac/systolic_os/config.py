# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the output-stationary systolic array."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from gatewright.hw.core.config import RoomConfig, choice, flag, integer
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort
from gatewright.hw.mac.pe.config import sum_bits


class SystolicOsConfig(RoomConfig):
    """Multiply a rows x K tile of activations with a K x cols tile of weights, one term a cycle."""

    room: ClassVar[str] = "systolic_os"

    rows: int = integer(4, 1, 64, doc="Rows of the result tile; activations walk along them.")
    cols: int = integer(4, 1, 64, doc="Columns of the result tile; weights walk down them.")
    act_bits: int = integer(8, 2, 16, unit="bits", doc="Width of an activation.")
    weight_bits: int = integer(8, 2, 16, unit="bits", doc="Width of a weight.")
    act_signed: bool = flag(True, doc="Activations are two's complement.")
    weight_signed: bool = flag(True, doc="Weights are two's complement.")
    acc_bits: int = integer(32, 2, 60, unit="bits", doc="Width of an accumulator, two's complement.")
    k_max: int = integer(1024, 1, 1 << 24, doc="Longest dot product; the accumulator must hold it.")
    multiplier: Literal["plain", "booth", "dsp"] = choice(
        "plain", doc="How products are built: by the tool, as Booth rows in LUTs, or counting on a hard multiplier."
    )
    product_register: bool = flag(True, doc="A register after each multiplier.")

    def check(self) -> None:
        """Refuse accumulators that could overflow."""
        self.require(
            self.acc_bits >= self.sum_bits,
            f"acc_bits must be at least {self.sum_bits} to hold k_max={self.k_max} products, not {self.acc_bits}",
        )

    @property
    def depth(self) -> int:
        """Terms of each dot product per beat."""
        return 1

    @property
    def beats_max(self) -> int:
        """Beats of the longest packet."""
        return self.k_max

    @property
    def sum_bits(self) -> int:
        """Bits that the longest packet's sum needs, two's complement."""
        return sum_bits(self._operand("a", self.rows), self._operand("b", self.cols), self.k_max)

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """One stream that carries both operands."""
        act = self._operand("a", self.rows, 1)
        weight = self._operand("b", 1, self.cols)
        return (StreamPort("i", (act, weight, PayloadField("last", 1)), "A packet is one tile: K beats."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """The rows of the result."""
        fields = (PayloadField("sum", self.acc_bits, True, (self.cols,)), PayloadField("last", 1))
        return (StreamPort("o", fields, "Rows of the tile, row 0 first; last on the final row."),)

    def _operand(self, name: str, *shape: int) -> PayloadField:
        if name == "a":
            return PayloadField(name, self.act_bits, self.act_signed, shape)
        return PayloadField(name, self.weight_bits, self.weight_signed, shape)

    @property
    def latency(self) -> int:
        """From a packet's final beat to its first row: operands, product, walk to the last column, exit."""
        return self.cols + 1 + int(self.product_register)

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """A packet's first row follows its final beat by the latency."""
        return self.packet_lengths(inputs)[0] - 1 + self.latency

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Beats one per cycle, but final beats at least ``rows`` cycles apart: one row leaves per cycle."""
        lengths = self.packet_lengths(inputs)
        return lengths[0] + sum(max(length, self.rows) for length in lengths[1:]) + self.latency + self.rows - 1

    @staticmethod
    def packet_lengths(inputs: Mapping[str, Beats]) -> list[int]:
        """Beats of each complete packet."""
        ends = np.flatnonzero(inputs["i"]["last"])
        return [int(length) for length in np.diff(ends, prepend=-1)]
