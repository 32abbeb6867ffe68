# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the gate."""

from collections.abc import Mapping
from functools import cached_property
from itertools import count
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, StrictInt

from gatewright.hw.core.config import RoomConfig, choice, integer
from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort, beat_count
from gatewright.hw.dataflow.fifo.config import FifoConfig
from gatewright.hw.moe.moe_gate.weights import demo_rows, matrix_of
from gatewright.hw.moe.topk.config import TopkConfig
from gatewright.hw.nonlinear.softmax.config import SoftmaxConfig
from gatewright.hw.quantise.requantise.config import RequantiseConfig

_DIVIDERS = 8  # most that the softmax takes
_REGISTERS = 16  # deepest queue of registers


class MoeGateConfig(RoomConfig):
    """Choose ``k`` of ``experts`` for every token and weigh them.

    A token is a packet of ``features / lanes`` beats. Its scores are ``round(W[gate] @ x * multipliers[gate] /
    2**shifts[gate])``, half up and saturated. Experts are ordered by score, equal ones by number.
    """

    room: ClassVar[str] = "moe_gate"

    features: int = integer(16, 1, 4096, doc="Elements of a token.")
    lanes: int = integer(2, 1, 64, doc="Elements per beat; divides features.")
    experts: int = integer(8, 1, 64, doc="Experts to choose from.")
    k: int = integer(2, 1, 8, doc="Experts that a token gets.")
    gates: int = integer(1, 1, 256, doc="Gate matrices, for layers and tasks together; a token says which.")
    over: Literal["all", "chosen"] = choice(
        "all",
        doc="Softmax over the scores of all experts, of which the chosen ones keep their part, or over those of the "
        "chosen ones only.",
    )
    score_bits: int = integer(8, 4, 16, unit="bits", doc="Width of a score, two's complement.")
    multipliers: tuple[StrictInt, ...] = Field(
        default=(1,), description="From sums to scores: a multiplier for each gate."
    )
    shifts: tuple[StrictInt, ...] = Field(default=(9,), description="And a right shift.")
    algorithm: Literal["exact", "online", "two_pass", "base2"] = choice("exact", doc="The softmax's algorithm.")
    scale: int = integer(1, 1, 65535, doc="Real value of a score of 1, times 2**scale_fraction.")
    scale_fraction: int = integer(4, 0, 24, unit="bits", doc="Fraction bits of scale.")
    weight_bits: int = integer(
        12, 4, 16, unit="bits", doc="Width of an expert's weight, unsigned; all ones stand for 1 too."
    )
    weights: tuple[str, ...] = Field(
        default_factory=demo_rows,
        description="The matrices: for each gate and expert a string of two hexadecimal digits per feature, two's "
        "complement.",
    )

    def check(self) -> None:
        """Check that beats fill tokens, that every gate has its weights, and that the softmax keeps up."""
        self.require(self.features % self.lanes == 0, f"lanes must divide features = {self.features}, not {self.lanes}")
        self.require(self.k <= self.experts, f"k must be at most experts = {self.experts}, not {self.k}")
        for name, limit in (("multipliers", 1 << 17), ("shifts", 48)):
            values: tuple[int, ...] = getattr(self, name)
            self.require(len(values) == self.gates, f"{name} must hold {self.gates} numbers, not {len(values)}")
            for gate, value in enumerate(values):
                self.require(0 <= value < limit, f"{name}[{gate}] must lie in 0..{limit - 1}, not {value}")
        self._check_weights()
        if self.softmax is not None:
            least = self.softmax.row_interval
            self.require(
                self.token_interval >= least,
                f"features / lanes or experts must be at least {least} for the softmax to keep up, not "
                f"{self.beats} and {self.experts}",
            )

    def _check_weights(self) -> None:
        rows = len(self.weights)
        self.require(
            rows == self.gates * self.experts, f"weights must hold {self.gates * self.experts} rows, not {rows}"
        )
        for index, row in enumerate(self.weights):
            self.require(
                len(row) == 2 * self.features,
                f"weights[{index}] must have {2 * self.features} hexadecimal digits, not {len(row)}",
            )
            wrong = row.lower().strip("0123456789abcdef")
            self.require(not wrong, f"weights[{index}] must hold only hexadecimal digits, not {wrong[:1]!r}")

    @cached_property
    def matrix(self) -> Ints:
        """The weights, (gates, experts, features)."""
        return matrix_of(self.weights, self.experts)

    @property
    def beats(self) -> int:
        """Beats of a token."""
        return self.features // self.lanes

    @property
    def gate_bits(self) -> int:
        """Width of a gate's number; none for a single one."""
        return (self.gates - 1).bit_length()

    @property
    def expert_bits(self) -> int:
        """Width of an expert's number; at least one, which Verilog needs."""
        return max(1, (self.experts - 1).bit_length())

    @cached_property
    def acc_bits(self) -> int:
        """Width that holds every sum of these weights and any activations, two's complement."""
        most = abs(self.matrix).sum(axis=-1).max()
        return int(most << 7).bit_length() + 1

    @property
    def token_interval(self) -> int:
        """Cycles from token to token in steady state: a cycle for each beat, or for each score."""
        return max(self.beats, self.experts)

    @cached_property
    def requantise(self) -> RequantiseConfig:
        """From sums to scores."""
        least = min(self.shifts)
        return RequantiseConfig(
            acc_bits=max(8, self.acc_bits), multiplier_bits=max(2, max(self.multipliers).bit_length()),
            shift_bits=(max(self.shifts) - least).bit_length(), shift_min=least, out_bits=self.score_bits,
            contract="half_up", input_register=False,
        )  # fmt: skip

    @cached_property
    def softmax(self) -> SoftmaxConfig | None:
        """From scores to weights, with as few dividers as keep up; None where the only chosen one gets all."""
        row = self.experts if self.over == "all" else self.k
        if self.over == "chosen" and self.k == 1:
            return None
        for dividers in count(1):
            found = SoftmaxConfig(
                algorithm=self.algorithm, lanes=1, score_bits=self.score_bits, scale=self.scale,
                scale_fraction=self.scale_fraction, out_bits=self.weight_bits, row_max=row, dividers=dividers,
            )  # fmt: skip
            most = 1 if self.algorithm == "base2" else _DIVIDERS
            if found.row_interval <= self.token_interval or dividers == most:
                break
        return found

    @property
    def topk(self) -> TopkConfig:
        """The choice; weights go along where there are any before it."""
        tag_bits = self.weight_bits if self.over == "all" else 0
        return TopkConfig(k=self.k, candidates_max=self.experts, score_bits=self.score_bits, tag_bits=tag_bits)

    @property
    def beside(self) -> FifoConfig:
        """The queue beside the softmax: scores, or the numbers of the chosen; it holds whatever is on its way there."""
        assert self.softmax is not None
        row, width = (self.experts, self.score_bits) if self.over == "all" else (self.k, self.expert_bits)
        waits = self._softmax_span[0] + (self.between.latency if self.over == "all" else 0)
        turns, rest = divmod(waits + 1, self.token_interval)
        depth = max(turns * row + min(rest, row) + 1, 3)
        return FifoConfig(depth=depth, width=width, storage="registers" if depth <= _REGISTERS else "memory")

    @property
    def between(self) -> FifoConfig:
        """What stands between the softmax and the choice among all."""
        return FifoConfig(depth=2, width=self.weight_bits)

    @property
    def _softmax_span(self) -> tuple[int, int]:
        """From a row's first score to its first and to its last weight."""
        assert self.softmax is not None
        last = np.zeros(self.softmax.row_max, np.int64)
        last[-1] = 1
        alone = {"i": {"last": last}}
        return self.softmax.delay(alone), self.softmax.cycles(alone) - 1

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Tokens."""
        fields = (
            PayloadField("x", 8, True, (self.lanes,)),
            *((PayloadField("gate", self.gate_bits),) if self.gates > 1 else ()),
            PayloadField("last", 1),
        )
        return (StreamPort("i", fields, "Tokens of features / lanes beats; gate says which matrix, in all of them."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Chosen experts."""
        fields = (
            PayloadField("expert", self.expert_bits),
            PayloadField("weight", self.weight_bits),
            PayloadField("last", 1),
        )
        return (StreamPort("o", fields, "The k experts of each token, best first, and their weights."),)

    @property
    def error_lsb(self) -> float:
        """Bound of a weight's error against the real softmax of the scores, in units of the weight."""
        return 1.0 if self.softmax is None else self.softmax.error_lsb

    @property
    def logit_stages(self) -> int:
        """Registers from a beat to the sums: weights, products, the tree over the lanes, sums."""
        return 3 + (self.lanes - 1).bit_length()

    @property
    def _single(self) -> tuple[int, int]:
        """From a token's first beat to its best and to its last expert, nothing before it."""
        first_score = self.beats + self.logit_stages + self.requantise.latency
        chosen = self.experts - 1 + self.topk.latency
        if self.softmax is None:
            return first_score + chosen, first_score + chosen
        first, last = self._softmax_span
        if self.over == "all":
            best = first_score + last + self.between.latency + self.topk.latency
            return best, best + self.k - 1
        return first_score + chosen + first, first_score + chosen + last

    @property
    def latency(self) -> int:
        """From a token's first beat to its best expert."""
        return self._single[0]

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Tokens follow each other at their interval."""
        tokens = beat_count(inputs["i"]) // self.beats
        return self._single[1] + (tokens - 1) * self.token_interval + 1
