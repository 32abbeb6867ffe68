# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the language model's serial core, and the plan of its arithmetic."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from gatewright.hw.accel.lm_core.parts import CorePartsConfig
from gatewright.hw.accel.lm_core.shape import ACT_BITS, MULTIPLIER_BITS, WIDE_BITS, NetworkConfig
from gatewright.hw.accel.lm_core.talk import REQUESTS, Talk
from gatewright.hw.accel.lm_serial import timing
from gatewright.hw.accel.lm_serial.tape import (
    MATRICES,
    WORD_BITS,
    WORD_TRITS,
    Segment,
    Step,
    row_words,
    segments,
    shape_of,
)  # fmt: skip
from gatewright.hw.attention.kv_attention.config import KvAttentionConfig
from gatewright.hw.core.config import integer
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort
from gatewright.hw.nonlinear.norm.config import NormConfig

MOST_WORDS = 1 << 16
MOST_SHIFT = 32
TABLE_FRACTION = 14  # of cosines and sines, see rope


class LmSerialConfig(Talk, NetworkConfig):
    """The network of `lm_core` with one multiplier, ten adders of trits, and one memory of 16-bit words.

    Hardware follows from sizes and formats only: a model's constants come through ``i_boot`` after a reset, in the
    order that `tape` tells; between requests they may come anew. Requests and replies are those of `lm_core`; none is
    taken before the constants are.
    """

    room: ClassVar[str] = "lm_serial"

    features: int = integer(24, 4, 4096, doc="Elements of a residual row.")
    heads: int = integer(3, 1, 64, doc="Query heads; family transformer.")
    request_tokens: int = integer(16, 1, 255, unit="tokens", doc="Room for tokens in a request.")

    def check(self) -> None:
        """Keep to what the one multiplier's schedule can do."""
        super().check()
        for name, only in (("family", "transformer"), ("gate", "relu2"), ("act", "static"), ("head_digits", 1)):
            found = getattr(self, name)
            self.require(found == only, f"{name} must be {only}, not {found}: lm_core runs the others")
        self.require(self.vocab % 2 == 0, f"vocab must be even, not {self.vocab}")
        for name in ("head_dim", "context"):
            value = getattr(self, name)
            self.require(value & (value - 1) == 0, f"{name} must be a power of two, not {value}")
        self.require(self.head_dim >= 4, f"head_dim must be at least 4, not {self.head_dim}")
        for name in ("features", "hidden", "mixed"):
            value = getattr(self, name)
            self.require(
                value > 2 * WORD_TRITS and value % 2 == 0,  # a row's sum is on its way while the next one's words come
                f"{name} must be even and more than {2 * WORD_TRITS}, not {value}",
            )
        self.require(
            self.relu2_shift in (0, 2),  # a shift by one would have ties to break
            f"middle_fraction must be {2 * self.gate_fraction} or {2 * self.gate_fraction - 2}, twice gate_fraction or "
            f"2 less, not {self.middle_fraction}",
        )
        self.require(self.gate_shift > 0, f"gate_shift must be at least 1, not {self.gate_shift}")
        for norm in self.norms:
            self.require(norm.unit_shift > 0, f"guard_bits and gain_bits leave a norm of {norm.elements} without shift")
            least = 1 << (self.factor_bits[0] - 1)
            self.require(norm.epsilon < least, f"epsilons must be less than {least}, not {norm.epsilon}")
        most = max(self.shifts)
        self.require(most <= MOST_SHIFT, f"formats need a right shift of {most}, and {MOST_SHIFT} is the longest")
        most = self.memory.first + self.memory.words
        self.require(most <= MOST_WORDS, f"the model needs {most} words of 16 bits, and there are {MOST_WORDS}")

    # --- the rooms whose integer arithmetic this is ---

    @property
    def engine(self) -> dict[str, Any]:
        """Parameters of the other core for this network, constants left out: a pair of outputs a cycle."""
        network = {name: getattr(self, name) for name in NetworkConfig.model_fields}
        return {**network, "method": "fold", "group": 1, "groups": 2, "outputs_per_cycle": 2}

    @cached_property
    def parts(self) -> CorePartsConfig:
        """The same network in the other core."""
        return CorePartsConfig(**self.engine)

    @property
    def norms(self) -> tuple[NormConfig, NormConfig, NormConfig]:
        """Plans of the norms of residual rows, of mixers' and of inner ones."""
        return self.parts.norm, self.parts.mixer_norm, self.parts.ffn_norm

    @property
    def attention(self) -> KvAttentionConfig:
        """Plan of attention."""
        return self.parts.attention

    def norm_of(self, step: Step) -> NormConfig:
        """Give the plan of a step's norm."""
        return self.norms[{Step.MIXER_NORM: 1, Step.FFN_NORM: 2}.get(step, 0)]

    @property
    def pairs(self) -> int:
        """Pairs of bits of the widest sum of squares."""
        return max(norm.pairs for norm in self.norms)

    @property
    def divide_steps(self) -> int:
        """Digits of a norm's quotient, the one before the point and those that an exponent may ask for included."""
        norm = self.norms[0]
        return norm.quotient_bits + (1 << norm.fine_bits)

    @property
    def relu2_shift(self) -> int:
        """Bits that a squared gate loses."""
        return 2 * self.gate_fraction - self.middle_fraction

    @property
    def rope_shift_right(self) -> int:
        """Bits that a rotated element loses."""
        return TABLE_FRACTION + self.rope_shift

    @property
    def logit_bits(self) -> int:
        """Width of a logit, and of a row's sum; on its way there it may wrap around."""
        return (max(shape_of(self, step)[1] for step in MATRICES) << (ACT_BITS - 1)).bit_length() + 1

    # --- the memory ---

    @cached_property
    def segments(self) -> dict[str, Segment]:
        """Parts of the memory by name."""
        return segments(self)

    @property
    def memory(self) -> Segment:
        """The last part: the cache."""
        return self.segments["cache"]

    @property
    def image_words(self) -> int:
        """Words that come through ``i_boot``."""
        return self.memory.first

    @property
    def cache_stride(self) -> int:
        """Words of a head's keys, or values, in a layer."""
        return self.context * self.head_dim // 2

    @property
    def act_words(self) -> int:
        """Words of ten activations that the longest row takes."""
        return max(row_words(shape_of(self, step)[1]) for step in MATRICES)

    @property
    def most_rows(self) -> int:
        """Rows of the tallest matrix."""
        return max(shape_of(self, step)[0] for step in MATRICES)

    @property
    def y_first(self) -> int:
        """Where results lie behind the residual row."""
        return self.features

    @property
    def q_first(self) -> int:
        """Where rotated queries lie, two octets a word."""
        return self.y_first + max(self.mixed + 2 * self.cached, self.hidden)

    @property
    def scratch_words(self) -> int:
        """Words of residuals, results and queries."""
        return self.q_first + self.mixed // 2

    # --- the multiplier ---

    @property
    def factor_bits(self) -> tuple[int, int]:
        """Widths of the multiplier's factors, two's complement."""
        softmax, norm = self.attention.softmax.plan, self.norms[0]
        assert softmax.falling is not None
        high, low = max(softmax.falling.high).bit_length(), max(softmax.falling.low).bit_length()
        unit = max(norm.unit_bits for norm in self.norms)
        first = max(WIDE_BITS, unit, self.logit_bits, self.attention.dot_bits, self.attention.sum_bits, high + 1,
                    softmax.kept_bits + 2, self.middle_bits + 1)  # fmt: skip
        second = max(WIDE_BITS, norm.scale_bits + 1, self.gain_bits, MULTIPLIER_BITS + 1, low + 1,
                     softmax.quotient_bits + 2, self.up_bits)  # fmt: skip
        return first, second

    @property
    def exp_shift(self) -> int:
        """Bits that the product of an exponential's factors loses."""
        table = self.attention.softmax.plan.falling
        assert table is not None
        return table.drop

    @property
    def probability_shift(self) -> int:
        """Bits that an exponential times a reciprocal loses."""
        plan = self.attention.softmax.plan
        return plan.kept_bits + plan.quotient_bits - self.probability_bits

    @property
    def shifts(self) -> tuple[int, ...]:
        """Right shifts behind the multiplier, those with codes left out."""
        norms = [norm.unit_shift + norm.root_steps - norm.root_bits for norm in self.norms]
        return (*norms, self.norms[0].result_shift, self.rope_shift_right, self.gate_shift, self.exp_shift,
                self.probability_shift)  # fmt: skip

    @property
    def score_word_bits(self) -> int:
        """Width of the memory of scores, exponentials and probabilities."""
        return max(self.score_bits, self.attention.softmax.plan.fraction_bits + 1)

    # --- ports, and what the host's side asks of a core ---

    outputs_per_cycle: ClassVar[int] = 2

    @property
    def macs(self) -> int:
        """Trits that meet an activation for a token whose logits are wanted."""
        layer = sum(np.prod(shape_of(self, step)) for step in MATRICES if step != Step.HEAD)
        return int(self.layers * layer + np.prod(shape_of(self, Step.HEAD)))

    @property
    def macs_per_cycle(self) -> int:
        """Most trits that meet an activation in a cycle."""
        return WORD_TRITS

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Requests, and the constants that come before them."""
        boot = (PayloadField("data", WORD_BITS), PayloadField("last", 1))
        words = "The model's words from address 0 on, after a reset or between requests; `last` ends them."
        return (
            REQUESTS,
            StreamPort("i_boot", boot, words),
        )

    @cached_property
    def timing(self) -> "timing.Model":
        """The cycle model."""
        return timing.Model(self)

    @property
    def latency(self) -> int:
        """From the first word of the constants to the first octet of the reply to a request for one token after one."""
        return self.image_words + self.input_bytes + self.timing.run([0], [True]) + 1

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """Wait for the constants, then for the first request that is answered."""
        spans = self.timing.spans(inputs["i_boot"], inputs["i"])
        return spans[0][0] if spans else -1

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Add constants, requests, runs and replies up: they take turns."""
        spans = self.timing.spans(inputs["i_boot"], inputs["i"])
        return spans[-1][1] if spans else 0


