# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the ternary engine."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from gatewright.hw.core.config import RoomConfig, choice, flag, integer
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort
from gatewright.hw.ternary.tlmm.plan import Method, Step, walk
from gatewright.hw.ternary.tlmm.timing import Arrival, Schedule, at_once, with_tables, without_tables

Storage = Literal["distributed", "registers", "block"]
APART = 4  # cycles from a read of a kept sum to the first read that finds the new one


class TlmmConfig(RoomConfig):
    """Compute ``y[n] = sum over k of w[n, k] * x[k]`` with weights -1, 0, 1, exactly.

    A vector of activations comes in blocks of ``group * groups``. Each block meets a sweep of weights:
    a beat holds the block's weights for ``outputs_per_cycle`` outputs. ``vectors`` of them go side by
    side and meet the same weights: tokens of a prompt, or a batch.
    """

    room: ClassVar[str] = "tlmm"

    method: Method = choice(
        "half",
        doc="How weights meet activations: select negates, zeroes and adds (the baseline); fold does so inside the "
        "carry chains; half, full and bitplane look up sums of a group in tables.",
    )
    group: int = integer(3, 1, 32, doc="Activations of a group: of one table, 2 to 6, or of one chain of additions.")
    groups: int = integer(8, 1, 128, doc="Groups in a block of activations.")
    outputs_per_cycle: int = integer(4, 1, 128, doc="Outputs whose weights arrive in one beat.")
    vectors: int = integer(1, 1, 16, doc="Vectors side by side that meet each beat of weights.")
    sweep_max: int = integer(64, 1, 1 << 16, doc="Most beats of a sweep: outputs of a matrix over outputs_per_cycle.")
    blocks_max: int = integer(8, 1, 4096, doc="Most blocks of a vector; 1 needs no memory for sums.")
    act_bits: int = integer(8, 4, 16, unit="bits", doc="Width of an activation, two's complement.")
    storage: Storage = choice(
        "distributed",
        doc="Where tables live: in a LUT RAM or a block RAM per reader, or in registers that all outputs share.",
    )
    overlap: bool = flag(False, doc="Two tables per group, so that one is built while the other is read.")

    def check(self) -> None:
        """Refuse groups too small for a table, and tables where there are none."""
        if self.has_tables:
            self.require(2 <= self.group <= 6, f"group must lie in 2..6 for method {self.method}, not {self.group}")
        else:
            self.require(not self.overlap, f"overlap must be false for method {self.method}, not True")

    @property
    def has_tables(self) -> bool:
        """Whether the method looks sums up."""
        return self.method in ("half", "full", "bitplane")

    @property
    def block(self) -> int:
        """Activations of a block."""
        return self.group * self.groups

    def sum_bits(self, terms: int) -> int:
        """Give the width of a sum of ``terms`` weighted activations.

        It lies in ``-terms * 2**(act_bits - 1) .. terms * 2**(act_bits - 1)``; the upper end, all
        activations least and all weights -1, decides.
        """
        return (terms << (self.act_bits - 1)).bit_length() + 1

    def part_bits(self, terms: int) -> int:
        """Give the width of such a sum that still lacks a carry of 1.

        A negated term is ``~t``, at most ``2**(act_bits - 1) - 1``, and all but one have got their
        carry, so the sum is at most ``terms * 2**(act_bits - 1) - 1`` and at least what it was.
        """
        return ((terms << (self.act_bits - 1)) - 1).bit_length() + 1

    @property
    def acc_bits(self) -> int:
        """Width of an output: no sum of ``blocks_max`` blocks overflows it."""
        return self.sum_bits(self.block * self.blocks_max)

    @property
    def entry_bits(self) -> int:
        """Width of a table entry; half and mirrored tables hold sums whose first weight is positive."""
        return self.sum_bits(self.group) if self.method == "full" else self.part_bits(self.group)

    @property
    def code_bits(self) -> int:
        """Width of the weights of one group."""
        match self.method:
            case "half":
                return 1 + (3**self.group // 2).bit_length()
            case "full":
                return (3**self.group - 1).bit_length()
        return 2 * self.group

    @property
    def address_bits(self) -> int:
        """Width of a table's address."""
        return {"half": self.code_bits - 1, "full": self.code_bits, "bitplane": self.group - 1}[self.method]

    @property
    def readers(self) -> int:
        """Sums looked up per group and output."""
        return 2 if self.method == "bitplane" else 1

    @cached_property
    def walk(self) -> tuple[Step, ...]:
        """Steps that build a table."""
        return walk(self.method, self.group)

    @property
    def writes(self) -> int:
        """Entries that a build writes."""
        return sum(step.address is not None for step in self.walk)

    @property
    def way(self) -> int:
        """Cycles from an accumulator at rest to the first entry: the steps up to it, and one to prepare the first."""
        return len(self.walk) - self.writes + 2

    @property
    def apart(self) -> int:
        """Least cycles between the starts of two sweeps where sums are kept between blocks."""
        return APART if self.blocks_max > 1 else 1

    @property
    def guarded(self) -> bool:
        """Whether short sweeps could follow each other too fast; building the only table takes long enough."""
        return self.blocks_max > 1 and (self.overlap or self.writes < APART)

    @property
    def leaves(self) -> int:
        """Operands of the adder tree of one output."""
        return self.block if self.method == "select" else self.groups * self.readers

    @property
    def leaf_stages(self) -> int:
        """Register stages in front of the tree."""
        return max(1, self.group - 1) if self.method == "fold" else 1

    @property
    def levels(self) -> int:
        """Levels of adders."""
        return (self.leaves - 1).bit_length()

    @property
    def stages(self) -> int:
        """Registers from weights to the sum of a block; reading kept sums takes two."""
        return max(self.leaf_stages + self.levels, 2 if self.blocks_max > 1 else 1)

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Activations and weights."""
        end = PayloadField("last", 1)
        acts = PayloadField("x", self.act_bits, True, (self.vectors, self.groups, self.group))
        codes = PayloadField("code", self.code_bits, False, (self.outputs_per_cycle, self.groups))
        return (
            StreamPort(
                "i_x",
                (acts, end),
                "A packet is a vector, or several side by side, of at most blocks_max blocks, one a beat.",
            ),
            StreamPort(
                "i_w",
                (codes, end),
                "A packet is a sweep: at most sweep_max beats, as many for every block of a vector.",
            ),
        )

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Sums."""
        sums = PayloadField("y", self.acc_bits, True, (self.vectors, self.outputs_per_cycle))
        fields = (sums, PayloadField("last", 1))
        return (StreamPort("o", fields, "A packet per vector: a beat for each beat of its last sweep."),)

    @property
    def latency(self) -> int:
        """From the first input to the first output of a vector of one block; weights follow a table by a cycle."""
        return int(self.has_tables) + self.stages + 1

    def schedule(self, inputs: Mapping[str, Beats]) -> Schedule:
        """Give the cycles in which inputs are taken when nothing stalls."""
        return self.plan(np.diff(np.flatnonzero(inputs["i_w"]["last"]), prepend=-1).tolist())

    def plan(self, sweeps: Sequence[int], arrive: Arrival | None = None, weights_from: int = 0) -> Schedule:
        """Give that for sweeps of so many beats, with blocks that arrive, and weights that start, at given times."""
        arrive = arrive or at_once
        if self.has_tables:
            later = int(self.storage == "block")
            banks = 1 + self.overlap
            return with_tables(sweeps, self.way, self.writes, banks, later, self.apart, arrive, weights_from)
        return without_tables(sweeps, self.apart, arrive, weights_from)

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """Wait for the last block of the first vector."""
        plan = self.schedule(inputs)
        final = int(np.argmax(inputs["i_x"]["last"])) if self.blocks_max > 1 else 0
        return plan.starts[final] + self.stages + 1 - min(plan.taken[0], plan.starts[0])

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Follow the schedule to the last beat of weights, then through the pipeline."""
        plan = self.schedule(inputs)
        return plan.ends[-1] + self.stages + 2 - min(plan.taken[0], plan.starts[0])
