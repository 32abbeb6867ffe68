# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the ternary matrix-vector unit."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from gatewright.hw.core.config import RoomConfig, choice, flag, integer, part
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort, packets
from gatewright.hw.quantise.dequantise.config import DequantiseConfig
from gatewright.hw.ternary.packing.groups import GroupPacking, find_group_packing
from gatewright.hw.ternary.ternary_matvec.timing import Gathering
from gatewright.hw.ternary.tlmm.config import Storage, TlmmConfig
from gatewright.hw.ternary.tlmm.plan import Method
from gatewright.hw.ternary.tlmm.timing import Schedule

WeightPacking = Literal[
    "engine", "two_bit", "base3_g2", "base3_g3", "base3_g4", "base3_g5", "tq1_g5", "escape_g3", "escape_g5"
]
SCALING = 2  # cycles from the engine's sum of a group to the sum of scaled groups


class TernaryMatvecConfig(RoomConfig):
    """Compute ``y = W @ x`` for ternary W of any shape up to ``outputs_max`` x ``inputs_max``, given at run time.

    With ``scale_blocks``, weights have a scale per output and group of inputs:
    ``y[n] = sum over g of scale[g, n] * (W_g @ x_g)[n]``. Parameters of ``dequantise`` that are absent
    follow from the unit's: ``lanes`` and ``acc_bits``.
    """

    room: ClassVar[str] = "ternary_matvec"

    method: Method = choice("half", doc="The engine's method, see tlmm.")
    group: int = integer(3, 1, 32, doc="Activations of a group of the engine.")
    groups: int = integer(8, 1, 128, doc="Groups in a block of activations.")
    outputs_per_cycle: int = integer(4, 1, 128, doc="Outputs whose weights arrive in one beat.")
    vectors: int = integer(1, 1, 16, doc="Vectors that meet each beat of weights: rows of a matrix product.")
    inputs_max: int = integer(192, 1, 1 << 16, doc="Longest vector; all are padded to whole blocks.")
    outputs_max: int = integer(256, 1, 1 << 16, doc="Most rows of a matrix; padded to whole beats.")
    act_bits: int = integer(8, 4, 16, unit="bits", doc="Width of an activation, two's complement.")
    storage: Storage = choice("distributed", doc="Where the engine's tables live.")
    overlap: bool = flag(False, doc="Build the next tables while one is read.")
    lanes: int = integer(4, 1, 4096, doc="Activations of a vector per beat; divides a block.")
    direct_input: bool = flag(
        True, doc="Whether a gathered block follows another in the cycle in which that is taken, not in the next: "
        "then the engine's enable reaches all registers of gathering in a cycle.",
    )  # fmt: skip
    packing: WeightPacking = choice(
        "engine", doc="How weights arrive: in the engine's own codes, or packed (methods select and fold)."
    )
    scale_blocks: int = integer(0, 0, 4096, doc="Blocks of inputs that share a scale per output; 0: no such scales.")
    scale_bits: int = integer(8, 1, 16, unit="bits", doc="Width of a group's scale, unsigned.")
    output: Literal["sum", "dequantised"] = choice("sum", doc="What leaves: exact sums, or reals in fixed point.")
    dequantise: DequantiseConfig = part(
        DequantiseConfig(acc_bits=16), doc="Scaling of sums to reals; dequantised output only."
    )

    def __init__(self, **values: Any) -> None:
        inner = values.get("dequantise", {})
        if isinstance(inner, dict):
            outer = {name: value for name, value in values.items() if name != "dequantise"}
            # Without this part first: its defaults follow from the others, which are checked in passing.
            plain = outer if values.get("output") == "dequantised" else {}
            sums = type(self)(**plain | {"output": "sum", "dequantise": DequantiseConfig()}) if plain else None
            follow = {"lanes": sums.outputs_per_cycle, "acc_bits": sums.sum_bits} if sums else {}
            values["dequantise"] = {**follow, **inner}
        super().__init__(**values)

    def check(self) -> None:
        """Check the rules between fields; the engine checks its own."""
        block = self.block
        self.require(block % self.lanes == 0, f"lanes must divide a block, group * groups = {block}, not {self.lanes}")
        if self.packing != "engine":
            self.require(
                self.method in ("select", "fold"),
                f"packing must be engine for method {self.method}, whose codes are dense already, not {self.packing}",
            )
        if self.output == "dequantised":
            for name, want in (("lanes", self.outputs_per_cycle), ("acc_bits", self.sum_bits)):
                have = getattr(self.dequantise, name)
                self.require(have == want, f"dequantise.{name} must be {want}, as the sums need, not {have}")
        assert self.engine

    @property
    def block(self) -> int:
        """Activations of a block."""
        return self.group * self.groups

    @property
    def gathers(self) -> bool:
        """Whether several beats make a block."""
        return self.lanes < self.block

    @property
    def blocks_max(self) -> int:
        """Blocks of the longest vector."""
        return -(-self.inputs_max // self.block)

    @property
    def scale_groups(self) -> int:
        """Groups of inputs with scales of their own in the longest vector."""
        return -(-self.blocks_max // self.scale_blocks) if self.scale_blocks else 1

    @cached_property
    def engine(self) -> TlmmConfig:
        """The engine; one of its vectors is a group of inputs that share a scale."""
        return TlmmConfig(
            method=self.method, group=self.group, groups=self.groups, outputs_per_cycle=self.outputs_per_cycle,
            vectors=self.vectors, sweep_max=-(-self.outputs_max // self.outputs_per_cycle),
            blocks_max=min(self.blocks_max, self.scale_blocks or self.blocks_max), act_bits=self.act_bits,
            storage=self.storage, overlap=self.overlap,
        )  # fmt: skip

    @property
    def scales_overtake(self) -> bool:
        """Whether a group's sums may be needed again before they are in the memory, three cycles after their read.

        Sums that the engine keeps between blocks, and tables of three entries or more, hold sweeps apart.
        """
        return self.engine.blocks_max == 1 and not (self.engine.has_tables and self.engine.writes >= 3)

    @property
    def packed(self) -> GroupPacking | None:
        """The packing of weights; None for the engine's codes."""
        return None if self.packing == "engine" else find_group_packing(self.packing)

    @property
    def sum_bits(self) -> int:
        """Width of a sum, groups' scales included; none overflows it.

        A group's sum is at most ``T * 2**(act_bits - 1)`` either way, T its terms; the scales add up
        to at most ``scale_groups * (2**scale_bits - 1)``.
        """
        if not self.scale_blocks:
            return self.engine.acc_bits
        terms = self.block * min(self.scale_blocks, self.blocks_max)
        return (self.scale_groups * terms * ((1 << self.scale_bits) - 1) << (self.act_bits - 1)).bit_length() + 1

    @property
    def result(self) -> PayloadField:
        """Results of a beat."""
        bits = self.sum_bits if self.output == "sum" else self.dequantise.out_bits
        return PayloadField("y", bits, True, (self.vectors, self.outputs_per_cycle))

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Activations, weights, and scales if there are any."""
        end, count = PayloadField("last", 1), self.outputs_per_cycle
        codes = PayloadField("code", self.engine.code_bits, False, (count, self.groups))
        if self.packed is not None:
            codes = PayloadField("code", self.packed.code_bits, False, (-(-count * self.block // self.packed.group),))
        ports = [
            StreamPort(
                "i_x",
                (PayloadField("x", self.act_bits, True, (self.vectors, self.lanes)), end),
                "A packet is a vector, or `vectors` of them side by side; what lacks to a block counts as zero.",
            ),
            StreamPort("i_w", (codes, end), "A packet per block of inputs: a beat per outputs_per_cycle outputs."),
        ]
        if self.scale_blocks:
            scales = PayloadField("scale", self.scale_bits, False, (count,))
            ports.append(
                StreamPort(
                    "i_group", (scales, PayloadField("final", 1)),
                    "Scales of a group of inputs, a beat per beat of results; `final` with a vector's last group.",
                )
            )  # fmt: skip
        if self.output == "dequantised":
            ports.append(
                StreamPort("i_scale", self._scales, "With scope tensor a beat per product, else per beat of results.")
            )
        return tuple(ports)

    @property
    def _scales(self) -> tuple[PayloadField, ...]:
        fields = {field.name: field for field in self.dequantise.inputs[0].fields}
        scale = PayloadField("scale", self.dequantise.scale_bits, False, (self.vectors,))
        return (scale, *(fields[name] for name in ("multiplier", "shift") if name in fields))

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Results."""
        fields = (self.result, PayloadField("last", 1))
        return (StreamPort("o", fields, "A packet per product: outputs in order, padding included."),)

    @property
    def finish(self) -> int:
        """Cycles from the engine's sums to the results."""
        scaling = SCALING if self.scale_blocks else 0
        return scaling + (self.dequantise.latency if self.output == "dequantised" else 0)

    @property
    def latency(self) -> int:
        """From the first activations to the first results of a product of one block; see `delay`."""
        beats = np.eye(self.block // self.lanes, dtype=int)[-1]
        return self.delay({"i_x": {"last": beats}, "i_w": {"last": np.ones(1, int)}})

    def product_cycles(self, inputs: int, outputs: int, count: int = 1) -> int:
        """Count the cycles of ``count`` products of one shape, from the first transfer to the last result."""
        beats = -(-inputs // self.lanes)
        blocks, sweep = -(-inputs // self.block), -(-outputs // self.outputs_per_cycle)
        x, w = np.tile(np.eye(beats, dtype=int)[-1], count), np.tile(np.eye(sweep, dtype=int)[-1], count * blocks)
        return self.cycles({"i_x": {"last": x}, "i_w": {"last": w}})

    def utilisation(self, inputs: int, outputs: int, count: int = 1) -> float:
        """Give the part of the engine's multiplications that the products ask for: fill and padding are lost."""
        peak = self.block * self.outputs_per_cycle * self.product_cycles(inputs, outputs, count)
        return count * inputs * outputs / peak

    def lengths(self, inputs: Mapping[str, Beats]) -> list[int]:
        """Give the beats of each vector."""
        return [span.stop - span.start for span in packets(inputs["i_x"])]

    def schedule(self, inputs: Mapping[str, Beats]) -> Schedule:
        """Give the cycles in which the engine takes blocks and weights when nothing stalls."""
        sweeps = np.diff(np.flatnonzero(inputs["i_w"]["last"]), prepend=-1).tolist()
        arrive = Gathering(self.lengths(inputs), self.block // self.lanes, self.input_wait) if self.gathers else None
        return self.engine.plan(sweeps, arrive, int(self.packed is not None))

    @property
    def input_wait(self) -> int:
        """Cycles from taking a block to the next one's move to the engine."""
        return 0 if self.direct_input else 1

    def _origin(self, plan: Schedule) -> int:
        """Give the cycle of the first transfer at any input."""
        weights = plan.starts[0] if self.packed is None else 0
        return min(0 if self.gathers else plan.taken[0], weights)

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """Wait for the last block of the first product."""
        plan, beats = self.schedule(inputs), self.block // self.lanes
        final = -(-self.lengths(inputs)[0] // beats) - 1
        return plan.starts[final] + self.engine.stages + 1 + self.finish - self._origin(plan)

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Follow the schedule to the last beat of weights, then through the pipeline."""
        plan = self.schedule(inputs)
        return plan.ends[-1] + self.engine.stages + 2 + self.finish - self._origin(plan)
