# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the expert queues."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from gatewright.hw.core.config import RoomConfig, integer
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort, beat_count


class ExpertQueueConfig(RoomConfig):
    """Take a sequence token by token, give it expert by expert.

    Tokens are numbered from 0 in the order in which they come. A token names an expert at most once.
    """

    room: ClassVar[str] = "expert_queue"

    experts: int = integer(16, 1, 64, doc="Queues.")
    tokens_max: int = integer(64, 1, 4096, doc="Tokens of the longest sequence; every queue can take them all.")
    weight_bits: int = integer(12, 1, 16, unit="bits", doc="Width of a token's weight for an expert, unsigned.")
    turns: int = integer(2, 1, 2, doc="Times that a queue is played: once for each layer of an expert.")

    @property
    def expert_bits(self) -> int:
        """Width of an expert's number; at least one, which Verilog needs."""
        return max(1, (self.experts - 1).bit_length())

    @property
    def token_bits(self) -> int:
        """Width of a token's number; at least one."""
        return max(1, (self.tokens_max - 1).bit_length())

    @property
    def count_bits(self) -> int:
        """Width of a queue's length, 1 to tokens_max."""
        return self.tokens_max.bit_length()

    @property
    def depth(self) -> int:
        """Words of the memory of all queues, addressed by place and expert.

        The expert stands in the low bits: whatever the longest sequence is, no word is lost if the experts are a
        power of two.
        """
        return ((self.tokens_max - 1) << (self.experts - 1).bit_length()) + self.experts

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """What the gate found for each token."""
        fields = (
            PayloadField("expert", self.expert_bits),
            PayloadField("weight", self.weight_bits),
            PayloadField("last", 1),
            PayloadField("final", 1),
        )
        return (StreamPort("i", fields, "Experts of a token, in any order; last ends the token, final the sequence."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """The queues that are not empty, and what is in them."""
        used = (
            PayloadField("expert", self.expert_bits),
            PayloadField("count", self.count_bits),
            PayloadField("final", 1),
        )
        fields = (
            PayloadField("token", self.token_bits),
            PayloadField("weight", self.weight_bits),
            PayloadField("expert", self.expert_bits),
            *((PayloadField("turn", 1),) if self.turns > 1 else ()),
            PayloadField("last", 1),
            PayloadField("final", 1),
        )
        return (
            StreamPort(
                "o_used", used, "Experts that have tokens, in ascending order, and how many; as early as can be."
            ),
            StreamPort(
                "o", fields, "Their tokens in input order; last ends a queue's turn, final all of the sequence."
            ),
        )

    @property
    def latency(self) -> int:
        """From a sequence's end to its first used expert."""
        return 2

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """The first sequence is heard out."""
        return int(self._ends(inputs)[0]) + self.latency

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """A cycle for each beat in and each beat out, and one for each sequence before its queues are read."""
        return (1 + self.turns) * beat_count(inputs["i"]) + len(self._ends(inputs)) + 1

    def _ends(self, inputs: Mapping[str, Beats]) -> np.ndarray:
        return np.flatnonzero(inputs["i"]["last"] & inputs["i"]["final"])
