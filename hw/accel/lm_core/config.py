# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the language model's core; its parts and timing follow from them."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

from pydantic import Field

from gatewright.hw.accel.lm_core import timing
from gatewright.hw.accel.lm_core.constants import Scales, follow
from gatewright.hw.accel.lm_core.parts import CorePartsConfig
from gatewright.hw.accel.lm_core.program import matrices, shape_of
from gatewright.hw.accel.lm_core.talk import REQUESTS, Talk
from gatewright.hw.core.config import integer
from gatewright.hw.core.ports import Beats, StreamPort


class LmCoreConfig(Talk, CorePartsConfig):
    """Take tokens, give tokens: a ternary language model with its state, all on chip.

    A request is an octet of flags (1: begin anew; 2: send logits), the count of tokens in it, the count of tokens
    to generate, and ``request_tokens`` octets of which the first so many are tokens. Tokens go through the model in
    order. Then the likeliest next token is found, and fed back as long as more are wanted; a request without tokens
    goes on from the one found last. The reply has the tokens found, the latest logits if they are asked for and there
    have been any since the reset, and the clock cycles of the run. A transformer whose cache is full takes no more:
    the reply ends early.
    """

    room: ClassVar[str] = "lm_core"

    request_tokens: int = integer(16, 1, 255, unit="tokens", doc="Room for tokens in a request.")
    embed: tuple[str, ...] = Field((), description="Embeddings: per token a row of two hexadecimal digits each.")
    gains: tuple[str, ...] = Field((), description="Gains of the residual norms: per norm a row of 4 digits each.")
    mixer_gains: tuple[str, ...] = Field((), description="Gains of the norms before the mixers' last projection.")
    ffn_gains: tuple[str, ...] = Field((), description="Gains of the norms before the last matrix of a layer.")
    state_gains: tuple[str, ...] = Field((), description="Gains of the states' norms; family mlgru.")
    bounds: tuple[str, ...] = Field((), description="Least forget gates, per layer; family mlgru.")
    weights: tuple[str, ...] = Field((), description="Matrices in order of use, rows joined, of -, 0 and +.")
    scales: tuple[Scales, ...] = Field(
        (), description="Per layer and part of its results: multiplier, shift code of lower and of upper half."
    )
    attention_scales: tuple[tuple[int, int, int, int], ...] = Field(
        (), description="Per layer: multiplier and shift code of scores, then of results."
    )

    def __init__(self, **values: Any) -> None:
        follow(values, type(self))
        super().__init__(**values)

    def check(self) -> None:
        """Check the rules between fields, and that constants have the right shapes."""
        super().check()
        layers, wide = self.layers, self.features
        rows: dict[str, tuple[int, int]] = {
            "embed": (self.vocab, 2 * wide), "gains": (2 * layers + 1, 4 * wide),
            "mixer_gains": (layers, 4 * self.mixed), "ffn_gains": (layers, 4 * self.hidden),
        }  # fmt: skip
        if self.family == "mlgru":
            rows |= {"state_gains": (layers, 4 * wide), "bounds": (layers, 4 * wide)}
        for name, (count, digits) in rows.items():
            found = getattr(self, name)
            self.require(len(found) == count, f"{name} must have {count} rows, not {len(found)}")
            wrong = next((k for k, row in enumerate(found) if len(row) != digits), None)
            self.require(wrong is None, f"{name}[{wrong}] must have {digits} hexadecimal digits")
        order = list(matrices(self))
        self.require(len(self.weights) == len(order), f"weights must be {len(order)} matrices, not {len(self.weights)}")
        for number, (text, (kind, _)) in enumerate(zip(self.weights, order, strict=True)):
            outputs, inputs = shape_of(self, kind)
            self.require(
                len(text) == outputs * inputs and not text.strip("-0+"),
                f"weights[{number}] must be {outputs} x {inputs} of -, 0 and +, not {len(text)} letters",
            )
        wanted = layers * len(self.sections)
        self.require(len(self.scales) == wanted, f"scales must be {wanted}, not {len(self.scales)}")
        if self.family == "transformer":
            found = len(self.attention_scales)
            self.require(found == layers, f"attention_scales must be {layers}, one per layer, not {found}")

    @property
    def macs(self) -> int:
        """Trits that meet an activation for a token whose logits are wanted."""
        return sum(outputs * inputs for outputs, inputs in (shape_of(self, kind) for kind, _ in matrices(self)))

    @property
    def macs_per_cycle(self) -> int:
        """Most trits that meet an activation in a cycle."""
        return self.matvec.block * self.outputs_per_cycle

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Requests."""
        return (REQUESTS,)

    @cached_property
    def timing(self) -> "timing.Model":
        """The cycle model."""
        return timing.Model(self)

    @property
    def latency(self) -> int:
        """From the first octet of a request for one token after one to the first octet of its reply."""
        return self.input_bytes + self.timing.run([0], [True]) + 1

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """Wait for the first request that is answered."""
        spans = self.timing.spans(inputs["i"])
        return spans[0][0] if spans else -1

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Add requests, runs and replies up: they take turns."""
        spans = self.timing.spans(inputs["i"])
        return spans[-1][1] if spans else 0
