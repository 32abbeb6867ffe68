# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the expert engine: geometry, its parts, and the streams that follow."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from gatewright.hw.core.config import RoomConfig, choice, integer, part
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort
from gatewright.hw.memory.ping_pong.config import PingPongConfig
from gatewright.hw.moe.expert_queue.config import ExpertQueueConfig
from gatewright.hw.moe.linear.config import LinearConfig
from gatewright.hw.moe.moe_engine import timing
from gatewright.hw.nonlinear.activation.config import ActivationConfig
from gatewright.hw.ternary.tlmm.config import APART

LAYERS = 2  # of an expert


class MoeEngineConfig(RoomConfig):
    """Add ``weight * expert(x)`` of each token's experts to its residual row, experts in ascending order.

    An expert is ``fc2(activation(fc1(x)))``, both layers with biases and scales as `linear` has them; the hidden
    row is saturated to 8 bits in front of the activation. Parameters of ``activation`` that are absent follow
    from the engine's: ``lanes``.
    """

    room: ClassVar[str] = "moe_engine"

    tokens: int = integer(16, 1, 1024, doc="Rows of a sequence.")
    features: int = integer(32, 1, 4096, doc="Elements of a row; whole beats and tiles.")
    hidden: int = integer(32, 1, 8192, doc="Elements of an expert's hidden row; whole beats and tiles.")
    experts: int = integer(4, 1, 64, doc="Experts.")
    weight_bits: int = integer(12, 2, 16, unit="bits", doc="Width of a token's weight for an expert, a fraction.")
    method: Literal["multiply", "select", "fold"] = choice(
        "multiply", doc="How experts' weights are multiplied, see linear: int8, or ternary by either."
    )
    inputs_per_cycle: int = integer(8, 1, 64, doc="Activations that meet weights in a cycle.")
    outputs_per_cycle: int = integer(8, 1, 64, doc="Outputs whose weights they meet.")
    group: int = integer(1, 1, 32, doc="Activations of a group of tlmm, see linear.")
    lanes: int = integer(2, 1, 16, doc="Results finished per cycle; divides inputs_per_cycle and outputs_per_cycle.")
    activation: ActivationConfig = part(
        ActivationConfig(lanes=2), doc="Function between the two matrices of an expert."
    )

    def __init__(self, **values: Any) -> None:
        inner = values.get("activation", {})
        if isinstance(inner, dict):
            follow = {"lanes": values["lanes"]} if "lanes" in values else {"lanes": 2}
            values["activation"] = {**follow, **inner}
        super().__init__(**values)

    def check(self) -> None:
        """Check that rows are whole beats and tiles, long enough for the results to keep up."""
        wide, tall, lanes = self.inputs_per_cycle, self.outputs_per_cycle, self.lanes
        self.require(wide % lanes == 0, f"lanes must divide inputs_per_cycle = {wide}, not {lanes}")
        for name in ("features", "hidden"):
            value = getattr(self, name)
            for unit in ("inputs_per_cycle", "outputs_per_cycle"):
                step = getattr(self, unit)
                self.require(value % step == 0, f"{name} must be a multiple of {unit} = {step}, not {value}")
            least = wide * (tall // lanes)
            self.require(
                value >= least,
                f"{name} must be at least inputs_per_cycle * outputs_per_cycle / lanes = {least}, so that results "
                f"leave as fast as they come, not {value}; raise lanes",
            )
        for name, want in (("lanes", lanes), ("in_bits", 8), ("out_bits", 8)):
            have = getattr(self.activation, name)
            self.require(have == want, f"activation.{name} must be {want}, as the engine needs, not {have}")
        self.require(self.activation.out_signed, "activation.out_signed must be true, not false")
        if self.linear.ternary:
            for name in ("features", "hidden"):
                value = getattr(self, name)
                self.require(
                    value >= APART * tall,
                    f"{name} must be at least {APART} * outputs_per_cycle = {APART * tall} for ternary weights, so "
                    f"that sums are back before they are added to, not {value}",
                )

    @cached_property
    def linear(self) -> LinearConfig:
        """The engine of both layers."""
        longest = max(self.features, self.hidden)
        return LinearConfig(
            method=self.method, inputs_per_cycle=self.inputs_per_cycle, outputs_per_cycle=self.outputs_per_cycle,
            group=self.group, lanes=self.lanes, inputs_max=longest, outputs_max=longest,
        )  # fmt: skip

    @cached_property
    def queue(self) -> ExpertQueueConfig:
        """Who goes where."""
        return ExpertQueueConfig(
            experts=self.experts, tokens_max=self.tokens, weight_bits=self.weight_bits, turns=LAYERS
        )

    def inputs_of(self, turn: int) -> int:
        """Elements of the rows that a layer reads."""
        return self.hidden if turn else self.features

    def outputs_of(self, turn: int) -> int:
        """Elements of the rows that it gives."""
        return self.features if turn else self.hidden

    def blocks(self, turn: int) -> int:
        """Beats of a row that a layer reads."""
        return self.inputs_of(turn) // self.inputs_per_cycle

    def tiles(self, turn: int) -> int:
        """Tiles of a row that it gives."""
        return self.outputs_of(turn) // self.outputs_per_cycle

    @property
    def layer_beats(self) -> int:
        """Beats of weights of either layer; also the cycles that a token takes in it."""
        return self.linear.beats(self.features, self.hidden)

    @cached_property
    def weight_store(self) -> PingPongConfig:
        """Two layers' weights: one is used, the other comes."""
        code = self.linear.code
        return PingPongConfig(width=code.bits * code.count + 1, depth=self.layer_beats, replay=True)

    @cached_property
    def param_store(self) -> PingPongConfig:
        """And their parameters."""
        bits = sum(field.bits * field.count for field in self.linear.inputs[-1].fields)
        return PingPongConfig(width=bits, depth=max(self.features, self.hidden) // self.lanes, replay=True)

    @property
    def token(self) -> PayloadField:
        """A token's number."""
        return self.queue.outputs[1].field("token")

    @property
    def row(self) -> PayloadField:
        """A few elements of a residual row."""
        return PayloadField("x", self.linear.out_bits, True, (self.lanes,))

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Rows, residuals, routes, weights and parameters."""
        last, final = PayloadField("last", 1), PayloadField("final", 1)
        x = PayloadField("x", 8, True, (self.inputs_per_cycle,))
        route = self.queue.inputs[0].fields
        return (
            StreamPort("i_x", (x, last), "What experts see: `tokens` rows of `features`."),
            StreamPort("i_r", (self.row, last), "What their results are added to: as many rows."),
            StreamPort("i_route", route, "A token's experts and weights, a packet per token, see expert_queue."),
            StreamPort(
                "i_w", (self.linear.code, last, final),
                "For each expert on o_fetch both layers' weights; `last` as linear has it, `final` ends a layer.",
            ),
            StreamPort("i_param", (*self.linear.inputs[-1].fields, final), "Their parameters; `final` ends a layer."),
        )  # fmt: skip

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Requests for weights, and the rows."""
        used = self.queue.outputs[0]
        fields = (used.field("expert"), used.field("final"))
        return (
            StreamPort("o_fetch", fields, "Experts that have tokens, ascending, each once: whose weights are to come."),
            StreamPort("o", (self.row, PayloadField("last", 1)), "Residual rows with the experts' results."),
        )

    @property
    def scatter_latency(self) -> int:
        """Cycles from a result of the second layer to its residual's write: product, rounding, sum."""
        return 3

    @cached_property
    def linear_tails(self) -> tuple[int, ...]:
        """Cycles from a row's last weights to its last result, of either layer."""
        return tuple(self._linear_tail(turn) for turn in range(LAYERS))

    def _linear_tail(self, turn: int) -> int:
        beats, blocks, tiles = self.layer_beats, self.blocks(turn), self.tiles(turn)
        size = tiles if self.linear.ternary else blocks
        last = np.arange(beats) % size == size - 1
        x = np.arange(blocks) == blocks - 1 if self.linear.ternary else last
        row = {"i_job": {"tiles": np.array([tiles])}, "i_x": {"last": x}, "i_w": {"last": last}}
        return self.linear.cycles(row) - beats

    @property
    def latency(self) -> int:
        """Depends on the routes, see `delay`."""
        return self.features // self.inputs_per_cycle * self.tokens

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """Count the cycles to the first beat at any output."""
        return timing.spans(self, inputs)[0]

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Follow jobs, weights and rows; see `timing`."""
        return timing.spans(self, inputs)[1]

    def fetched(self, used: int) -> int:
        """Beats of weights that a sequence fetches if so many experts have tokens."""
        return used * LAYERS * self.layer_beats
