# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the processing element, and the arithmetic bounds that all arrays share."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from gatewright.hw.core.config import RoomConfig, choice, flag, integer
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort


class PeConfig(RoomConfig):
    """Accumulate products of activations and weights over a packet."""

    room: ClassVar[str] = "pe"

    act_bits: int = integer(8, 2, 16, unit="bits", doc="Width of an activation.")
    weight_bits: int = integer(8, 2, 16, unit="bits", doc="Width of a weight.")
    act_signed: bool = flag(True, doc="Activations are two's complement.")
    weight_signed: bool = flag(True, doc="Weights are two's complement.")
    k_max: int = integer(1024, 1, 1 << 24, doc="Longest packet; the accumulator must hold its sum.")
    acc_bits: int = integer(32, 2, 60, unit="bits", doc="Width of the accumulator, two's complement.")
    multiplier: Literal["plain", "booth", "dsp"] = choice(
        "plain", doc="How products are built: by the tool, as Booth rows in LUTs, or counting on a hard multiplier."
    )
    input_register: bool = flag(False, doc="A register for the operands.")
    product_register: bool = flag(True, doc="A register between multiplier and accumulator.")
    output: Literal["register", "adder", "accumulator"] = choice(
        "register",
        doc="Where finished sums leave: a register of their own, straight from the adder, or the accumulator itself.",
    )

    def check(self) -> None:
        """Refuse accumulators that could overflow, and paths from input to output without a register."""
        self.require(
            self.acc_bits >= self.sum_bits,
            f"acc_bits must be at least {self.sum_bits} to hold k_max={self.k_max} products, not {self.acc_bits}",
        )
        self.require(
            self.input_register or self.product_register or self.output != "adder",
            "output must be register or accumulator without input_register and product_register, not adder",
        )

    @property
    def act(self) -> PayloadField:
        """One activation."""
        return PayloadField("a", self.act_bits, self.act_signed)

    @property
    def weight(self) -> PayloadField:
        """One weight."""
        return PayloadField("b", self.weight_bits, self.weight_signed)

    @property
    def sum_bits(self) -> int:
        """Bits that the longest packet's sum needs, two's complement."""
        return sum_bits(self.act, self.weight, self.k_max)

    @property
    def exact_register(self) -> bool:
        """Whether a stage completes Booth products: an accumulator that loads them can't add their carry."""
        return self.output == "accumulator" and self.multiplier == "booth"

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Pairs of operands."""
        return (StreamPort("i", (self.act, self.weight, PayloadField("last", 1)), "A packet is one dot product."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """One sum per packet."""
        return (StreamPort("o", (PayloadField("sum", self.acc_bits, True),), "One beat per packet."),)

    @property
    def latency(self) -> int:
        """Cycles from a packet's final beat to its sum."""
        registers = (self.input_register, self.product_register, self.exact_register, self.output != "adder")
        return sum(int(present) for present in registers)

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """The first sum follows the first packet's final beat by the latency."""
        return int(np.flatnonzero(inputs["i"]["last"])[0]) + self.latency

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """One beat per cycle, packets back to back."""
        return int(np.flatnonzero(inputs["i"]["last"])[-1]) + self.latency + 1


def product_range(act: PayloadField, weight: PayloadField) -> tuple[int, int]:
    """Smallest and largest product."""
    corners = [x * y for x in (act.low, act.high) for y in (weight.low, weight.high)]
    return min(corners), max(corners)


def sum_bits(act: PayloadField, weight: PayloadField, count: int) -> int:
    """Bits that a sum of up to ``count`` products needs, two's complement."""
    low, high = (bound * count for bound in product_range(act, weight))
    return 1 + max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0)
