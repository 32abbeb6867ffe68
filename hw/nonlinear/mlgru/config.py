# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the linear recurrence."""

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar, Literal

from gatewright.hw.core.config import RoomConfig, integer
from gatewright.hw.core.errors import ConfigError
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort, beat_count
from gatewright.hw.nonlinear.activation.config import ActivationConfig

DISTANCE = 4  # from a word's read to the first cycle in which it can be read as written


class MlgruConfig(RoomConfig):
    """Mix each element of a layer's state with a candidate.

    With ``F = 2**forget_bits``, ``f = bound + ((F - bound) * sigmoid(f) + F/2 >> forget_bits)``, in ``0..F``, and the
    new state is ``h = sat((f*h + (F - f) * (silu(c) << state_shift) + F/2) >> forget_bits)``.
    """

    room: ClassVar[str] = "mlgru"

    lanes: int = integer(1, 1, 16, doc="Elements per beat, all in parallel.")
    elements: int = integer(64, 1, 8192, doc="Elements of a token, and of a layer's state; a multiple of lanes.")
    layers: int = integer(2, 1, 256, doc="Layers, each with a state of its own.")
    gate_bits: int = integer(10, 3, 13, unit="bits", doc="Width of raw gates and candidates, two's complement.")
    gate_fraction: int = integer(6, 0, 16, unit="bits", doc="A raw gate's or candidate's step is 2**-gate_fraction.")
    middle_bits: int = integer(16, 2, 24, unit="bits", doc="Width of a candidate behind silu.")
    middle_fraction: int = integer(10, 0, 24, unit="bits", doc="Its step is 2**-middle_fraction.")
    state_shift: int = integer(0, 0, 8, unit="bits", doc="Left shift from there to steps of the state.")
    forget_bits: int = integer(
        12, 2, 12, unit="bits", doc="Width of sigmoids and bounds, unsigned; 1 is 2**forget_bits."
    )
    state_bits: int = integer(16, 2, 24, unit="bits", doc="Width of the state, two's complement.")

    def check(self) -> None:
        """Check that a token fills its beats; the activations check the scales."""
        self.require(
            self.elements % self.lanes == 0, f"elements must be a multiple of lanes = {self.lanes}, not {self.elements}"
        )
        for gate in ("forget", "candidate"):
            try:
                getattr(self, gate)
            except ConfigError as error:
                self.require(False, f"{gate}: {error}")

    @cached_property
    def forget(self) -> ActivationConfig:
        """One lane's sigmoid."""
        return self._activation("sigmoid", self.forget_bits, False, self.forget_bits)

    @cached_property
    def candidate(self) -> ActivationConfig:
        """One lane's silu."""
        return self._activation("silu", self.middle_bits, True, self.middle_fraction)

    def _activation(
        self, function: Literal["sigmoid", "silu"], bits: int, signed: bool, fraction: int
    ) -> ActivationConfig:
        return ActivationConfig(
            function=function, method="symmetry", in_bits=self.gate_bits, in_fraction=self.gate_fraction,
            out_bits=bits, out_signed=signed, out_fraction=fraction,
        )  # fmt: skip

    @property
    def beats(self) -> int:
        """Beats of a token, and words of a layer's state."""
        return self.elements // self.lanes

    @property
    def row_interval(self) -> int:
        """Cycles from one token's first beat to the next one's, whatever their layers."""
        return max(self.beats, DISTANCE)

    @property
    def candidate_reach(self) -> tuple[int, int]:
        """Least and greatest candidate, in steps of the state."""
        low, high = self.candidate.reach
        return low << self.state_shift, high << self.state_shift

    @property
    def reach(self) -> tuple[int, int]:
        """Least and greatest new state before saturation: it lies between the old one and the candidate."""
        low, high = self.candidate_reach
        state = self.outputs[0].field("h")
        return min(low, state.low), max(high, state.high)

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Jobs, gates, bounds."""
        job = (PayloadField("layer", max(1, (self.layers - 1).bit_length())), PayloadField("first", 1))
        gates = (
            PayloadField("f", self.gate_bits, True, (self.lanes,)),
            PayloadField("c", self.gate_bits, True, (self.lanes,)),
            PayloadField("last", 1),
        )
        bound = PayloadField("bound", self.forget_bits, False, (self.lanes,))
        return (
            StreamPort("i_job", job, "A token in a layer; first: its state counts as 0."),
            StreamPort("i", gates, "Raw forget gates and candidates of a job; last ends it."),
            StreamPort("i_bound", (bound,), "Least forget gates, a beat for each of i."),
        )

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """New states."""
        fields = (PayloadField("h", self.state_bits, True, (self.lanes,)), PayloadField("last", 1))
        return (StreamPort("o", fields, "The layer's new state."),)

    @property
    def activation_latency(self) -> int:
        """Registers of the slower activation."""
        return max(self.forget.latency, self.candidate.latency)

    @property
    def latency(self) -> int:
        """The job's own cycle, the activations, then registers behind each product and each sum."""
        return 1 + self.activation_latency + 4

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """A cycle a beat, and waits between tokens of fewer than `DISTANCE` beats."""
        tokens = beat_count(inputs["i_job"])
        return self.latency + (tokens - 1) * self.row_interval + self.beats
