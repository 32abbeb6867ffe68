# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the weight-stationary systolic array."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from gatewright.hw.core.config import RoomConfig, choice, flag, integer
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort
from gatewright.hw.mac.pe.config import sum_bits


class SystolicWsConfig(RoomConfig):
    """Multiply vectors of ``rows`` activations with a rows x cols tile of weights, one vector a cycle."""

    room: ClassVar[str] = "systolic_ws"

    rows: int = integer(4, 1, 64, doc="Terms of each dot product: activations per beat.")
    cols: int = integer(4, 1, 64, doc="Columns of weights: sums per beat.")
    hop: int = integer(
        1, 1, 64, doc="Columns that share one activation register: 1 is the classical array, cols a plain broadcast."
    )
    act_bits: int = integer(8, 2, 16, unit="bits", doc="Width of an activation.")
    weight_bits: int = integer(8, 2, 16, unit="bits", doc="Width of a weight.")
    act_signed: bool = flag(True, doc="Activations are two's complement.")
    weight_signed: bool = flag(True, doc="Weights are two's complement.")
    acc_bits: int = integer(
        32,
        2,
        60,
        unit="bits",
        doc="Width of a sum at the output, two's complement.",
    )
    multiplier: Literal["plain", "booth", "dsp"] = choice(
        "plain", doc="How products are built: by the tool, as Booth rows in LUTs, or counting on a hard multiplier."
    )
    product_register: bool = flag(True, doc="A register after each multiplier.")

    def check(self) -> None:
        """Refuse outputs that could overflow."""
        self.require(
            self.acc_bits >= self.sum_bits(self.rows),
            f"acc_bits must be at least {self.sum_bits(self.rows)} to hold {self.rows} products, not {self.acc_bits}",
        )

    @property
    def groups(self) -> int:
        """Groups of columns that share activation registers."""
        return -(-self.cols // self.hop)

    def sum_bits(self, count: int) -> int:
        """Bits that a sum of ``count`` products needs, two's complement."""
        return sum_bits(self.act, self.weight, count)

    def skew(self, row: int) -> int:
        """Cycles by which a row works later than row 0.

        With product registers, row 0 hands on its product where the others hand on a sum, so row
        1 is in step with it.
        """
        return max(0, row - 1) if self.product_register else row

    @property
    def act(self) -> PayloadField:
        """The activations of one beat."""
        return PayloadField("a", self.act_bits, self.act_signed, (self.rows,))

    @property
    def weight(self) -> PayloadField:
        """The weights of one beat."""
        return PayloadField("w", self.weight_bits, self.weight_signed, (self.cols,))

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Weights and activations."""
        end = PayloadField("last", 1)
        return (
            StreamPort(
                "i_weight",
                (self.weight, end),
                "A packet is one tile: exactly rows beats, beat k the weights of term k.",
            ),
            StreamPort("i", (self.act, end), "A packet meets one weight tile: any number of beats."),
        )

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """One vector of sums per activation beat."""
        fields = (PayloadField("sum", self.acc_bits, True, (self.cols,)), PayloadField("last", 1))
        return (StreamPort("o", fields, "One beat per beat of activations, with its last."),)

    @property
    def latency(self) -> int:
        """From an activation beat to its sums."""
        return self.rows + self.groups

    @property
    def tile_cycles(self) -> int:
        """Least cycles from one packet's first beat to the next one's: the swap passes, a tile loads."""
        return self.rows + self.groups

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """The first weight tile loads, then the first activations pass."""
        return self.rows + self.latency

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """One tile loads, then a beat per cycle, but packets at least `tile_cycles` apart."""
        ends = np.flatnonzero(inputs["i"]["last"])
        lengths = [int(length) for length in np.diff(ends, prepend=-1)]
        starts = sum(max(length, self.tile_cycles) for length in lengths[:-1])
        return self.rows + starts + lengths[-1] + self.latency
