# SPDX-License-Identifier: BSD-2-Clause
"""Geometry, formats and engine of the language model's core, and the rooms that follow from them."""

from functools import cached_property
from typing import ClassVar, Literal

from gatewright.hw.accel.lm_core.program import Kind, Section, sections, shape_of
from gatewright.hw.accel.lm_core.shape import (
    ACT_BITS,
    DYNAMIC_SHIFT_BITS,
    MULTIPLIER_BITS,
    SHIFT_MIN,
    STATIC_SHIFT_BITS,
    WIDE_BITS,
    NetworkConfig,
)  # fmt: skip
from gatewright.hw.attention.kv_attention.config import KvAttentionConfig
from gatewright.hw.attention.rope.config import RopeConfig
from gatewright.hw.core.config import choice, integer
from gatewright.hw.dataflow.fifo.config import FifoConfig
from gatewright.hw.dataflow.width_up.config import WidthUpConfig
from gatewright.hw.memory.weight_store.config import WeightStoreConfig
from gatewright.hw.nonlinear.argmax.config import ArgmaxConfig
from gatewright.hw.nonlinear.gated.config import GatedConfig
from gatewright.hw.nonlinear.mlgru.config import MlgruConfig
from gatewright.hw.nonlinear.norm.config import NormConfig
from gatewright.hw.quantise.dequantise.config import DequantiseConfig
from gatewright.hw.quantise.requantise.config import RequantiseConfig
from gatewright.hw.ternary.ternary_matvec.config import TernaryMatvecConfig, WeightPacking
from gatewright.hw.ternary.tlmm.plan import Method

NORM_DIGITS = 2  # a norm finds in a cycle: nothing goes on while it seeks a row's scale


class CorePartsConfig(NetworkConfig):
    """Fields without constants."""

    # What an estimate, which builds nothing, replaces by wider ones.
    norm_room: ClassVar[type[NormConfig]] = NormConfig
    attention_room: ClassVar[type[KvAttentionConfig]] = KvAttentionConfig

    method: Method = choice("fold", doc="The engine's method, see tlmm.")
    group: int = integer(1, 1, 32, doc="Activations of a group of the engine.")
    groups: int = integer(8, 1, 256, doc="Groups in a block of activations.")
    outputs_per_cycle: int = integer(4, 2, 16, doc="Outputs per cycle, and elements of a beat: even.")
    packing: WeightPacking = choice("engine", doc="How weights are stored, see ternary_matvec.")
    parallel: int = integer(1, 1, 64, doc="Query heads that attend at a time, see kv_attention.")
    read_tokens: int = integer(1, 1, 16, doc="Tokens whose keys or values are read in a cycle, see kv_attention.")
    logic_products: int = integer(0, 0, 4096, doc="Multipliers of attention that are made of LUTs.")

    def check(self) -> None:
        """Check that beats divide rows; the rooms check the rest."""
        super().check()
        beat = self.outputs_per_cycle
        self.require(beat % 2 == 0, f"outputs_per_cycle must be even, not {beat}")
        block = self.group * self.groups
        self.require(block % beat == 0, f"group * groups must be a multiple of outputs_per_cycle = {beat}, not {block}")
        names = ["features", "hidden"]
        if self.family == "transformer":
            names.append("head_dim")
        for name in names:
            value = getattr(self, name)
            self.require(value % beat == 0, f"{name} must be a multiple of outputs_per_cycle = {beat}, not {value}")
        for room in ("matvec", "rescale", "norm", "mixer_norm", "ffn_norm", "gated", "argmax", *self._mixer_rooms):
            assert getattr(self, room)

    @property
    def _mixer_rooms(self) -> tuple[str, ...]:
        return ("rope", "attention") if self.family == "transformer" else ("mlgru", "state_norm", "state_gated")

    # --- sizes ---

    @property
    def head_rows(self) -> int:
        """Rows of the head's matrix: for each beat of tokens the highest digits of their weights, then the next."""
        beat = self.outputs_per_cycle
        return self.vocab if self.head_digits == 1 else -(-self.vocab // beat) * beat * self.head_digits

    @property
    def logit_bits(self) -> int:
        """Width of a logit."""
        most = (3**self.head_digits - 1) // 2
        return self.matvec.sum_bits + (most - 1).bit_length()

    @property
    def half(self) -> int:
        """Pairs of gate and element in a beat."""
        return self.outputs_per_cycle // 2

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Parts of a layer's results."""
        return sections(self)

    # --- rooms ---

    @property
    def engine_rows(self) -> int:
        """Most rows of a matrix."""
        return max(self.mixed + 2 * self.cached, 3 * self.features, 2 * self.hidden, self.head_rows)

    @cached_property
    def matvec(self) -> TernaryMatvecConfig:
        """The engine."""
        widest = max(self.features, self.mixed, self.hidden)
        return TernaryMatvecConfig(
            method=self.method, group=self.group, groups=self.groups, outputs_per_cycle=self.outputs_per_cycle,
            inputs_max=widest, outputs_max=self.engine_rows, lanes=self.outputs_per_cycle, packing=self.packing,
            overlap=self.method in ("half", "full", "bitplane"), direct_input=False,
        )  # fmt: skip

    @cached_property
    def rescale(self) -> RequantiseConfig | DequantiseConfig:
        """What scales the engine's sums; saturation to fewer bits comes later."""
        lanes, acc = self.outputs_per_cycle, max(8, self.matvec.sum_bits)
        if self.act == "static":
            return RequantiseConfig(
                lanes=lanes, acc_bits=acc, multiplier_bits=MULTIPLIER_BITS, shift_bits=STATIC_SHIFT_BITS,
                shift_min=SHIFT_MIN, out_bits=WIDE_BITS, contract="half_up", scope="channel",
            )  # fmt: skip
        return DequantiseConfig(
            lanes=lanes, acc_bits=acc, scale_bits=self.scale_bits, multiplier_bits=MULTIPLIER_BITS,
            shift_bits=DYNAMIC_SHIFT_BITS, shift_min=SHIFT_MIN, out_bits=WIDE_BITS, rounding="half_up", scope="channel",
        )  # fmt: skip

    @property
    def shift_bits(self) -> int:
        """Width of a shift code."""
        return STATIC_SHIFT_BITS if self.act == "static" else DYNAMIC_SHIFT_BITS

    @property
    def scale_bits(self) -> int:
        """Width of a row's scale; 0 if activations are static."""
        if self.act == "static":
            return 0
        return max(norm.peak_bits for norm in (self.norm, self.mixer_norm, self.ffn_norm))

    @property
    def scale_queue(self) -> FifoConfig:
        """Rows' scales on their way past the engine."""
        return FifoConfig(depth=2, width=max(1, self.scale_bits))

    def _norm(self, elements: int, lanes: int, epsilon: int, output: Literal["static", "dynamic"]) -> NormConfig:
        return self.norm_room(
            kind="rms", output=output, lanes=lanes, elements=elements, in_bits=WIDE_BITS, out_bits=ACT_BITS,
            weight_bits=self.gain_bits, weight_fraction=self.gain_fraction, guard_bits=self.guard_bits, epsilon=epsilon,
            digits=NORM_DIGITS,
        )  # fmt: skip

    @cached_property
    def norm(self) -> NormConfig:
        """Norm of the residual stream."""
        return self._norm(self.features, self.outputs_per_cycle, self.epsilon, self.act)

    @cached_property
    def last_norm(self) -> NormConfig:
        """Norm before the head; that of the residual stream if activations are static."""
        return self._norm(self.features, self.outputs_per_cycle, self.epsilon, "static")

    @cached_property
    def mixer_norm(self) -> NormConfig:
        """Norm before a mixer's last projection; gated states come half a beat at a time."""
        lanes = self.outputs_per_cycle if self.family == "transformer" else self.half
        return self._norm(self.mixed, lanes, self.mixer_epsilon, self.act)

    @cached_property
    def ffn_norm(self) -> NormConfig:
        """Norm before the last matrix of a layer."""
        return self._norm(self.hidden, self.outputs_per_cycle, self.ffn_epsilon, self.act)

    @cached_property
    def state_norm(self) -> NormConfig:
        """Norm of the state."""
        return self._norm(self.features, self.half, self.state_epsilon, "static")

    def _gated(self, function: Literal["relu2", "silu"], u_bits: int, shift: int) -> GatedConfig:
        return GatedConfig(
            lanes=self.half, function=function, method="symmetry", in_bits=self.gate_bits,
            in_fraction=self.gate_fraction, middle_bits=self.middle_bits, middle_fraction=self.middle_fraction,
            u_bits=u_bits, shift=shift, rounding="half_up", out_bits=WIDE_BITS,
        )  # fmt: skip

    @cached_property
    def gated(self) -> GatedConfig:
        """Gate of the feed-forward part."""
        return self._gated(self.gate, self.up_bits, self.gate_shift)

    @cached_property
    def state_gated(self) -> GatedConfig:
        """Gate over the normalised state."""
        return self._gated("silu", ACT_BITS, self.state_gate_shift)

    @cached_property
    def rope(self) -> RopeConfig:
        """Rotary positions."""
        return RopeConfig(
            lanes=self.outputs_per_cycle, head_dim=self.head_dim, context=self.context, base=self.rope_base,
            in_bits=WIDE_BITS, out_bits=ACT_BITS, shift=self.rope_shift,
        )  # fmt: skip

    @cached_property
    def attention(self) -> KvAttentionConfig:
        """Attention over the cache."""
        return self.attention_room(
            heads=self.heads, kv_heads=self.kv_heads, head_dim=self.head_dim, layers=self.layers, context=self.context,
            lanes=self.outputs_per_cycle, parallel=self.parallel, tokens=self.read_tokens, score_bits=self.score_bits,
            score_fraction=self.score_fraction, probability_bits=self.probability_bits, out_bits=WIDE_BITS,
            logic_products=self.logic_products,
        )  # fmt: skip

    @cached_property
    def mlgru(self) -> MlgruConfig:
        """The recurrence."""
        return MlgruConfig(
            lanes=self.half, elements=self.features, layers=self.layers, gate_bits=self.gate_bits,
            gate_fraction=self.gate_fraction, middle_bits=self.middle_bits, middle_fraction=self.middle_fraction,
            state_shift=self.state_shift,
        )  # fmt: skip

    @cached_property
    def argmax(self) -> ArgmaxConfig:
        """The likeliest token."""
        beat = self.outputs_per_cycle
        return ArgmaxConfig(lanes=beat, in_bits=self.logit_bits, elements=-(-self.vocab // beat) * beat)

    @property
    def pair(self) -> WidthUpConfig:
        """Joins beats of half the width behind a norm."""
        return WidthUpConfig(factor=2, width=self.half * ACT_BITS)

    @property
    def gated_pair(self) -> WidthUpConfig:
        """Joins beats of the feed-forward part's gate."""
        return WidthUpConfig(factor=2, width=self.half * WIDE_BITS)

    @property
    def gate_queue(self) -> FifoConfig:
        """Output gates that wait for the state."""
        depth = max(3, self.features // self.outputs_per_cycle)
        return FifoConfig(depth=depth, width=self.outputs_per_cycle * self.gate_bits, storage="memory")

    def runs(self, kind: Kind) -> tuple[int, int]:
        """Give the blocks of a matrix's inputs, and the words of weights for each."""
        outputs, inputs = shape_of(self, kind)
        return -(-inputs // self.matvec.block), -(-outputs // self.outputs_per_cycle)

    def store(self, words: list[int], width: int) -> WeightStoreConfig:
        """Give a constant store of words."""
        return WeightStoreConfig(depth=max(2, len(words)), width=width, contents=tuple(words))
