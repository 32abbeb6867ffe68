# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the linear engine: two arrays behind one set of streams."""

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from gatewright.hw.core.config import RoomConfig, choice, integer
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort, packets
from gatewright.hw.dataflow.fifo.config import FifoConfig
from gatewright.hw.mac.gemm.config import GemmConfig
from gatewright.hw.quantise.requantise.config import RequantiseConfig
from gatewright.hw.ternary.ternary_matvec.config import TernaryMatvecConfig


class LinearConfig(RoomConfig):
    """Compute ``y = saturate(round((W @ x + bias) * multiplier / 2**shift))`` row by row, shapes given at run time."""

    room: ClassVar[str] = "linear"

    method: Literal["multiply", "select", "fold", "half", "full", "bitplane"] = choice(
        "multiply",
        doc="multiply takes int8 weights, by gemm with an adder tree; the others are tlmm's, for ternary ones.",
    )
    inputs_per_cycle: int = integer(8, 1, 64, doc="Activations of a beat.")
    outputs_per_cycle: int = integer(8, 1, 64, doc="Outputs whose weights meet them in the same cycle.")
    group: int = integer(1, 1, 32, doc="Activations of a group of tlmm; divides inputs_per_cycle. 1 for multiply.")
    lanes: int = integer(1, 1, 64, doc="Outputs finished per cycle; divides outputs_per_cycle.")
    inputs_max: int = integer(256, 1, 1 << 14, doc="Longest row.")
    outputs_max: int = integer(256, 1, 1 << 14, doc="Most outputs.")
    bias_bits: int = integer(24, 2, 32, unit="bits", doc="Width of a bias, two's complement.")
    out_bits: int = integer(16, 2, 16, unit="bits", doc="Width of a result, two's complement.")
    multiplier_bits: int = integer(16, 2, 18, unit="bits", doc="Width of a multiplier, unsigned.")
    shift_bits: int = integer(4, 1, 5, unit="bits", doc="Width of a shift code.")
    shift_min: int = integer(16, 0, 31, unit="bits", doc="Right shift of code 0.")

    def check(self) -> None:
        """Check that groups and lanes fit; the parts check their own."""
        wide, tall = self.inputs_per_cycle, self.outputs_per_cycle
        self.require(wide % self.group == 0, f"group must divide inputs_per_cycle = {wide}, not {self.group}")
        self.require(tall % self.lanes == 0, f"lanes must divide outputs_per_cycle = {tall}, not {self.lanes}")
        self.require(
            self.ternary or self.group == 1, f"group must be 1 for method multiply, which has none, not {self.group}"
        )
        assert self.matvec if self.ternary else self.gemm

    @property
    def ternary(self) -> bool:
        """Whether weights are -1, 0, 1."""
        return self.method != "multiply"

    @property
    def groups(self) -> int:
        """Output beats per beat of the array's sums."""
        return self.outputs_per_cycle // self.lanes

    @property
    def blocks_max(self) -> int:
        """Beats of the longest row."""
        return -(-self.inputs_max // self.inputs_per_cycle)

    @property
    def tiles_max(self) -> int:
        """Most beats of sums of a row."""
        return -(-self.outputs_max // self.outputs_per_cycle)

    @property
    def acc_bits(self) -> int:
        """Width of a sum with its bias; none overflows."""
        terms = self.blocks_max * self.inputs_per_cycle
        most = terms << (7 if self.ternary else 14)
        return max(8, 1 + (most + (1 << (self.bias_bits - 1))).bit_length())

    @cached_property
    def requantise(self) -> RequantiseConfig:
        """What finishes the sums."""
        return RequantiseConfig(
            lanes=self.lanes, acc_bits=self.acc_bits, multiplier_bits=self.multiplier_bits, shift_bits=self.shift_bits,
            shift_min=self.shift_min, out_bits=self.out_bits, contract="half_up", scope="channel",
        )  # fmt: skip

    @cached_property
    def gemm(self) -> GemmConfig:
        """The engine of int8 weights: one row of A at a time."""
        return GemmConfig(
            dataflow="tree", rows=1, cols=self.outputs_per_cycle, depth=self.inputs_per_cycle, acc_bits=self.acc_bits,
            m_max=1, n_max=self.outputs_max, k_max=self.inputs_max, operand_buffers=False, lanes=self.lanes,
            bias_bits=self.bias_bits, requantise=self.requantise,
        )  # fmt: skip

    @cached_property
    def matvec(self) -> TernaryMatvecConfig:
        """The engine of ternary weights."""
        return TernaryMatvecConfig(
            method=self.method, group=self.group, groups=self.inputs_per_cycle // self.group,
            outputs_per_cycle=self.outputs_per_cycle, inputs_max=self.inputs_max, outputs_max=self.outputs_max,
            lanes=self.inputs_per_cycle, overlap=self.method in ("half", "full", "bitplane"),
        )  # fmt: skip

    @cached_property
    def queue(self) -> FifoConfig:
        """Ternary sums come in bursts, a row's all in its last sweep: they wait here."""
        width = self.matvec.result.bits * self.outputs_per_cycle
        return FifoConfig(depth=self.tiles_max + 2, width=width, storage="memory")

    @property
    def code(self) -> PayloadField:
        """Weights of a beat."""
        if self.ternary:
            return self.matvec.inputs[1].field("code")
        return PayloadField("code", 8, True, (self.outputs_per_cycle, self.inputs_per_cycle))

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Row, weights, parameters; int8 rows come once for each tile of outputs, and a job says how often."""
        last = PayloadField("last", 1)
        x = PayloadField("x", 8, True, (self.inputs_per_cycle,))
        columns = (
            PayloadField("bias", self.bias_bits, True, (self.lanes,)),
            PayloadField("multiplier", self.multiplier_bits, False, (self.lanes,)),
            PayloadField("shift", self.shift_bits, False, (self.lanes,)),
        )
        param = StreamPort("i_param", columns, "For the outputs of a row, lanes a beat.")
        if self.ternary:
            return (
                StreamPort("i_x", (x, last), "A packet is a row."),
                StreamPort("i_w", (self.code, last), "A packet per beat of the row: all outputs."),
                param,
            )
        return (
            StreamPort("i_job", (PayloadField("tiles", self.tiles_max.bit_length()),), "Tiles of outputs of a row."),
            StreamPort("i_x", (x, last), "A packet is a row, sent once for each tile of outputs."),
            StreamPort("i_w", (self.code, last), "A packet per tile of outputs: all beats of the row."),
            param,
        )

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Finished rows."""
        y = PayloadField("y", self.out_bits, True, (self.lanes,))
        return (StreamPort("o", (y, PayloadField("last", 1)), "A packet is a row; outputs of padding included."),)

    def beats(self, inputs: int, outputs: int) -> int:
        """Give the cycles in which a row meets its weights."""
        return -(-inputs // self.inputs_per_cycle) * -(-outputs // self.outputs_per_cycle)

    @property
    def latency(self) -> int:
        """From a row of one beat to its first results."""
        if not self.ternary:
            return self.gemm.latency
        one = np.ones(1, int)
        return self.delay({"i_x": {"last": one}, "i_w": {"last": one}})

    @property
    def finish(self) -> int:
        """Cycles from a sum at the array's output to its result, ternary weights."""
        return self.queue.latency + self.requantise.latency

    def _gemm_inputs(self, inputs: Mapping[str, Beats]) -> dict[str, Beats]:
        tiles = inputs["i_job"]["tiles"]
        one = np.ones_like(tiles)
        return {"i_command": {"m_tiles": one, "m_rest": one, "n_tiles": tiles}, "i_b": inputs["i_w"]}

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """Wait for the first tile, or the first row's last sweep."""
        if not self.ternary:
            return self.gemm.delay(self._gemm_inputs(inputs))
        return self.matvec.delay(inputs) + self.finish

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Follow the array; ternary: and the sums through their queue, ``groups`` cycles each.

        Exact for ternary weights where rows have ``groups`` beats or more: else the queue fills up.
        """
        if not self.ternary:
            return self.gemm.cycles(self._gemm_inputs(inputs))
        unit, left = self.matvec, 0
        plan = unit.schedule(inputs)
        ends = np.cumsum([span.stop - span.start for span in packets(inputs["i_x"])]) - 1
        for sweep in ends.tolist():
            for start in range(plan.starts[sweep], plan.ends[sweep] + 1):
                left = max(left, start + unit.engine.stages + 1 + self.finish) + self.groups
        return left - min(plan.taken[0], plan.starts[0])
