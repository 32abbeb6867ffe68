# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the softmax."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from gatewright.hw.core.config import RoomConfig, choice, integer
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort, packets
from gatewright.hw.nonlinear.softmax.mask import kept
from gatewright.hw.nonlinear.softmax.plan import TARGET, Plan, Request, make_plan
from gatewright.hw.nonlinear.softmax.timing import Schedule, play, schedule


class SoftmaxConfig(RoomConfig):
    """Give ``exp(s_i) / sum(exp(s_j))`` over rows of scores, ``lanes`` elements a beat.

    A row is a packet: ``last`` marks its final beat. A score's real value, in natural-log units, is
    ``code * scale / 2**scale_fraction``.
    """

    room: ClassVar[str] = "softmax"

    algorithm: Literal["exact", "online", "two_pass", "fixed_phi", "base2"] = choice(
        "exact",
        doc="exact finds the maximum, then the sum, then divides; online keeps maximum and sum in one pass; two_pass "
        "adds mantissas under a common exponent; fixed_phi sums relative to a preset score and repeats rows that "
        "leave its range; base2 shifts where the others divide.",
    )
    lanes: int = integer(4, 1, 16, doc="Elements per beat, all in parallel.")
    score_bits: int = integer(8, 4, 16, unit="bits", doc="Width of a score, two's complement.")
    scale: int = integer(1, 1, 65535, doc="Real value of a score of 1, times 2**scale_fraction.")
    scale_fraction: int = integer(4, 0, 24, unit="bits", doc="Fraction bits of scale.")
    out_bits: int = integer(8, 4, 16, unit="bits", doc="Width of a probability, unsigned; all ones stand for 1 too.")
    row_max: int = integer(64, 1, 4096, unit="elements", doc="Longest row; whole beats count without a mask.")
    mask: Literal["none", "keep", "limit"] = choice(
        "none",
        doc="Elements that count: all; those with a set bit in the beat; those before the row's limit, a number "
        "that travels with every beat.",
    )
    dividers: int = integer(1, 1, 8, doc="Serial dividers that take turns; more than one for short rows only.")
    product_registers: int = integer(
        1, 1, 2, doc="Registers of an exponential's product; 2, with exact only, where it takes several multipliers."
    )
    phi: int = integer(32, -32768, 32767, doc="Score that fixed_phi sums around.")
    range_low: int = integer(-48, -65536, 65535, doc="A row's maximum must exceed phi by more; fixed_phi only.")
    range_high: int = integer(48, -65536, 65535, doc="And by less; fixed_phi only.")

    def check(self) -> None:
        """Check the rules between fields."""
        if self.algorithm == "base2":
            self.require(self.dividers == 1, f"dividers must be 1 for algorithm base2, not {self.dividers}")
        self.require(
            self.product_registers == 1 or self.algorithm == "exact",
            f"product_registers must be 1 for algorithm {self.algorithm}, not {self.product_registers}",
        )
        if self.algorithm == "fixed_phi":
            low, high = -(1 << (self.score_bits - 1)), (1 << (self.score_bits - 1)) - 1
            least, most = self.phi + self.range_low + 1, self.phi + self.range_high - 1
            self.require(least <= most, f"range_high must exceed range_low by 2 or more, not be {self.range_high}")
            self.require(
                low <= least and most <= high,
                f"phi and its range must stay within the scores {low}..{high}, not reach from {least} to {most}",
            )
        self.require(
            make_plan(self._request) is not None,
            f"scale allows no error within {TARGET:g} unit of the output at these widths: {self.scale} / "
            f"2**{self.scale_fraction} is too fine a step or fixed_phi's range too wide",
        )

    @property
    def row_beats(self) -> int:
        """Beats of the longest row."""
        return -(-self.row_max // self.lanes)

    @property
    def capacity(self) -> int:
        """Elements of the longest row, its last beat filled up."""
        return self.row_beats * self.lanes

    @property
    def levels(self) -> int:
        """Registered levels that join the lanes; one at least."""
        return max((self.lanes - 1).bit_length(), 1)

    @property
    def highest(self) -> int:
        """Greatest row maximum that fixed_phi takes in one pass, counted from the smallest score."""
        return self.phi + self.range_high - 1 + (1 << (self.score_bits - 1))

    @property
    def lowest(self) -> int:
        """Smallest such maximum."""
        return self.phi + self.range_low + 1 + (1 << (self.score_bits - 1))

    @property
    def _request(self) -> Request:
        fixed = (self.highest, self.lowest) if self.algorithm == "fixed_phi" else (0, 0)
        step = (self.scale, self.scale_fraction)
        return Request(self.algorithm, self.lanes, self.score_bits, step, self.out_bits, self.capacity, *fixed)

    @property
    def plan(self) -> Plan:
        """Widths, tables and error bounds."""
        plan = make_plan(self._request)
        assert plan is not None  # `check` has seen to it
        return plan

    @property
    def error_lsb(self) -> float:
        """Bound of a probability's error against the real softmax of the scores, in units of the output."""
        return self.plan.error

    @property
    def row_sum_error_lsb(self) -> float:
        """Bound of the distance between 1 and the sum of a row, in units of the output."""
        return self.plan.sum_error

    @property
    def limit_bits(self) -> int:
        """Width of a row's limit."""
        return self.capacity.bit_length()

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Scores, and what tells which of them count."""
        fields = [PayloadField("score", self.score_bits, True, (self.lanes,))]
        if self.mask == "keep":
            fields.append(PayloadField("keep", 1, False, (self.lanes,)))
        if self.mask == "limit":
            fields.append(PayloadField("limit", self.limit_bits))
        return (StreamPort("i", (*fields, PayloadField("last", 1)), "Scores; a row ends with last."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Probabilities."""
        fields = PayloadField("p", self.out_bits, False, (self.lanes,)), PayloadField("last", 1)
        return (StreamPort("o", fields, "Probabilities, in input order."),)

    @property
    def schedule(self) -> Schedule:
        """Depths of pipelines and buffers."""
        quotient_bits, extra = self.plan.quotient_bits, self.product_registers - 1
        return schedule(self.algorithm, self.levels, self.row_beats, quotient_bits, self.dividers, extra)

    @property
    def latency(self) -> int:
        """Cycles for a row of a single beat."""
        return play(self.schedule, [1])[0]

    @property
    def row_interval(self) -> int:
        """Beats of equal rows from which on no cycle is lost between rows."""
        division = self.plan.quotient_bits + 2 if self.plan.quotient_bits else 1
        return max(-(-division // self.dividers), 2)

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """Count cycles from the first input transfer to the first output transfer, nothing stalling."""
        return play(self.schedule, self._rows(inputs["i"]), self._repeats(inputs["i"]))[0]

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Count cycles from the first input transfer to the last output transfer, both included."""
        return play(self.schedule, self._rows(inputs["i"]), self._repeats(inputs["i"]))[1] + 1

    def _rows(self, beats: Beats) -> list[int]:
        ends = np.flatnonzero(beats["last"]) + 1
        return np.diff(ends, prepend=0).tolist()

    def _repeats(self, beats: Beats) -> list[bool]:
        """Tell which rows fixed_phi sums once more: those whose maximum lies outside its range."""
        if self.algorithm != "fixed_phi":
            return []
        index = np.where(kept(self.mask, beats), beats["score"] + (1 << (self.score_bits - 1)), 0)
        highest = [int(index[row].max()) for row in packets(beats)]
        return [not self.lowest <= value <= self.highest for value in highest]
