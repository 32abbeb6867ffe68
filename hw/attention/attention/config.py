# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the attention engine."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from gatewright.hw.attention.attention import timing
from gatewright.hw.attention.attention.rows_of import score_rows, sequences
from gatewright.hw.attention.rescale import rescale
from gatewright.hw.core.config import RoomConfig, integer, part
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort
from gatewright.hw.nonlinear.softmax.config import SoftmaxConfig
from gatewright.hw.quantise.requantise.config import RequantiseConfig


class AttentionConfig(RoomConfig):
    """Attend from every token of a sequence to every token, head by head.

    Absent parameters follow from others: in ``softmax``, ``lanes`` is 1, ``row_max`` is ``tokens``,
    ``score_bits`` and ``out_bits`` are ``score_bits`` and ``prob_bits``.
    """

    room: ClassVar[str] = "attention"

    tokens: int = integer(64, 1, 1024, doc="Tokens of a sequence.")
    heads: int = integer(2, 1, 16, doc="Heads; a row holds them one after the other.")
    head_dim: int = integer(32, 1, 256, doc="Elements of a head; a multiple of lanes.")
    parallel: int = integer(4, 1, 32, doc="Queries that are worked on at a time.")
    lanes: int = integer(8, 1, 16, doc="Elements per beat; multipliers per query, once for scores and once for sums.")
    act_bits: int = integer(8, 2, 16, unit="bits", doc="Width of an element, two's complement.")
    score_bits: int = integer(8, 4, 16, unit="bits", doc="Width of a score, two's complement.")
    prob_bits: int = integer(8, 4, 16, unit="bits", doc="Width of a probability, unsigned, in units of 2**-prob_bits.")
    multiplier_bits: int = integer(16, 2, 32, unit="bits", doc="Width of both multipliers, unsigned.")
    shift_bits: int = integer(4, 0, 6, unit="bits", doc="Width of both shift codes.")
    shift_min: int = integer(16, 0, 63, unit="bits", doc="Right shift of code 0.")
    softmax_units: int = integer(
        0, 0, 32, doc="Softmaxes that share the queries; 0 takes as many as keep up with the scores."
    )
    softmax: SoftmaxConfig = part(SoftmaxConfig(lanes=1), doc="Function of the scores.")

    def __init__(self, **values: Any) -> None:
        inner = values.get("softmax", {})
        if isinstance(inner, dict):
            names = {"tokens": "row_max", "score_bits": "score_bits", "prob_bits": "out_bits"}
            follow = {inside: values[name] for name, inside in names.items() if name in values}
            values["softmax"] = {"lanes": 1, **follow, **inner}
        super().__init__(**values)

    def check(self) -> None:
        """Check the rules between fields; the softmax and the requantisers check their own."""
        self.require(
            self.head_dim % self.lanes == 0, f"head_dim must be a multiple of lanes = {self.lanes}, not {self.head_dim}"
        )
        self.require(
            self.softmax_units <= self.slots,
            f"softmax_units must be at most {self.slots}, the queries worked on at a time, not {self.softmax_units}",
        )
        wanted = {
            "lanes": 1, "row_max": self.tokens, "score_bits": self.score_bits, "out_bits": self.prob_bits,
            "mask": "none",
        }  # fmt: skip
        for name, value in wanted.items():
            given = getattr(self.softmax, name)
            self.require(given == value, f"softmax.{name} must be {value}, not {given}")
        for requantiser in (self.scorer, self.finisher):  # which refuse what they can't do
            assert requantiser

    @property
    def slots(self) -> int:
        """Queries that are worked on at a time: places P; no more than there are tokens."""
        return min(self.parallel, self.tokens)

    @property
    def parts(self) -> int:
        """Beats of a head."""
        return self.head_dim // self.lanes

    @property
    def words(self) -> int:
        """Beats of a row, and cycles of a step: all heads of a key against all queries."""
        return self.heads * self.parts

    @property
    def extra(self) -> int:
        """Steps behind the last whole block, in which the last queries meet the keys that they began without."""
        return (self.tokens - 1) % self.slots

    @property
    def blocks(self) -> int:
        """Walks through the keys, the last of which may be cut short."""
        return -(-self.tokens // self.slots) + (self.extra > 0)

    @property
    def steps(self) -> int:
        """Steps of a sequence."""
        return -(-self.tokens // self.slots) * self.tokens + self.extra

    @property
    def units(self) -> int:
        """Softmaxes; unit u serves the slots u, u + units, .."""
        if self.softmax_units:
            return self.softmax_units
        return next((count for count in range(1, self.slots) if self._keeps_up(count)), self.slots)

    @property
    def row_cycles(self) -> int:
        """Cycles of a softmax for all heads of a query, where the next query's rows follow at once."""
        return self.heads * max(self.tokens, self.softmax.row_interval)

    @property
    def block_cycles(self) -> int:
        """Cycles of a block of queries in the long run: the multipliers', unless the softmaxes need more."""
        return max(self.tokens * self.words, -(-self.slots // self.units) * self.row_cycles)

    def _keeps_up(self, units: int) -> bool:
        """Tell whether so many softmaxes are no hindrance: each place is read before its next score comes."""
        spare = self.tokens * self.words + 1 - self.score_delay
        places = range(-(-self.slots // units))
        return all((place + 1) * self.row_cycles <= spare + place * units * self.words for place in places) and (
            len(places) * self.row_cycles <= self.tokens * self.words
        )

    def slots_of(self, unit: int) -> range:
        """List the slots that a softmax serves."""
        return range(unit, self.slots, self.units)

    def queries_of(self, unit: int) -> list[int]:
        """List the queries that a softmax serves."""
        return [query for query in range(self.tokens) if query % self.slots % self.units == unit]

    def jump(self, unit: int) -> int:
        """Count blocks from a softmax's last query to the first block of the next sequence."""
        return self.blocks - self.queries_of(unit)[-1] // self.slots

    @property
    def turn_bits(self) -> int:
        """Width of a block's number; it need only tell how far parts of the engine are apart.

        Scores are ahead of the softmax by at most two blocks, three if one is cut short; a softmax that is done with
        a sequence is ahead of the scores by less than two.
        """
        return 3 if self.extra else 2

    @property
    def score_lanes(self) -> int:
        """Scores requantised per cycle: as few as finish one head's while the next is summed."""
        return -(-self.slots // self.parts)

    @property
    def groups(self) -> int:
        """Cycles in which the scores of all slots pass the requantiser."""
        return -(-self.slots // self.score_lanes)

    @property
    def dot_bits(self) -> int:
        """Width of an exact sum of products of queries and keys."""
        return (self.head_dim << (2 * self.act_bits - 2)).bit_length() + 1

    @property
    def sum_bits(self) -> int:
        """Width of an exact sum of products of probabilities and values, given how much a row can add up to."""
        one = 1 << self.prob_bits
        most = min(self.tokens * (one - 1), one + math.floor(self.softmax.row_sum_error_lsb))
        low = most << (self.act_bits - 1)
        return max((low - 1).bit_length(), (low - most).bit_length()) + 1

    @property
    def scorer(self) -> RequantiseConfig:
        """The requantiser of scores; its input comes from registers."""
        return rescale(self, self.score_lanes, self.dot_bits, self.score_bits, False)

    @property
    def finisher(self) -> RequantiseConfig:
        """The requantiser of results."""
        return rescale(self, self.lanes, self.sum_bits, self.act_bits, True)

    @property
    def score_delay(self) -> int:
        """Cycles from a step's last read until its scores may be read: five registers, the groups, the requantiser."""
        return 5 + self.groups + self.scorer.latency

    @property
    def sum_delay(self) -> int:
        """Cycles from reading a value to its sum at the output."""
        return 3 + self.finisher.latency

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Rows of queries, keys and values, and the scales of each sequence."""
        fields = (PayloadField("x", self.act_bits, True, (self.lanes,)), PayloadField("last", 1))
        scale = [
            PayloadField(f"{name}_{what}", bits)
            for name in ("score", "out")
            for what, bits in (("multiplier", self.multiplier_bits), ("shift", self.shift_bits))
            if bits
        ]
        return (
            StreamPort("i_q", fields, "Queries; a row ends with last."),
            StreamPort("i_k", fields, "Keys, likewise."),
            StreamPort("i_v", fields, "Values, likewise."),
            StreamPort("i_scale", tuple(scale), "Scales of a sequence, taken when its first score is begun."),
        )

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Rows of results."""
        fields = (PayloadField("y", self.act_bits, True, (self.lanes,)), PayloadField("last", 1))
        return (StreamPort("o", fields, "Results, a row per query in order; a row ends with last."),)

    @property
    def latency(self) -> int:
        """Cycles of a lone sequence from its first beat to its first result."""
        return timing.play(self, 1).first

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """Count cycles from the first input transfer to the first output transfer, nothing stalling."""
        return timing.play(self, *self._work(inputs)).first

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Count cycles from the first input transfer to the last output transfer, both included."""
        return timing.play(self, *self._work(inputs)).last + 1

    def utilisation(self, count: int = 1) -> float:
        """Give the share of the multipliers' cycles that is used, from the first beat of ``count`` sequences on."""
        return count * self.tokens**2 * self.words / (self.slots * (timing.play(self, count).last + 1))

    def error_lsb(self, multiplier: int, shift: int) -> float:
        """Bound a result's error against real attention, where neither scores nor results saturate.

        In units of the result, for an output scale of ``multiplier / 2**shift``. A score is rounded by half a unit,
        so a quotient of exponentials is off by a factor of a whole one; each probability has the softmax's error.
        """
        step = self.softmax.scale / 2.0**self.softmax.scale_fraction
        weights = self.tokens * self.softmax.error_lsb + (1 << self.prob_bits) * math.expm1(step)
        return 0.5 + weights * (1 << (self.act_bits - 1)) * multiplier / 2.0**shift

    def _work(self, inputs: Mapping[str, Beats]) -> tuple[int, bytes]:
        """Count sequences; mark rows that fixed_phi sums once more: those whose maximum lies outside its range."""
        count = len(sequences(self, inputs["i_k"]))
        if self.softmax.algorithm != "fixed_phi":
            return count, b""
        highest = score_rows(self, inputs).max(axis=-1) + (1 << (self.score_bits - 1))
        inside = (self.softmax.lowest <= highest) & (highest <= self.softmax.highest)
        return count, (~inside).astype(np.uint8).tobytes()
