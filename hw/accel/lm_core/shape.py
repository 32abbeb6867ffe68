# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of a language model's network: what it computes, whatever hardware runs it."""

from typing import ClassVar, Literal

from gatewright.hw.core.config import RoomConfig, choice, integer, real

WIDE_BITS = 16  # of residuals, and of results on their way to a norm or to rotation
ACT_BITS = 8
FORGET_BITS = 12
MULTIPLIER_BITS, SHIFT_MIN = 16, 16
STATIC_SHIFT_BITS, DYNAMIC_SHIFT_BITS = 4, 6


class NetworkConfig(RoomConfig):
    """Sizes and integer formats; see `gen/model/lm_graph.py` for the arithmetic."""

    room: ClassVar[str] = "lm_core"

    family: Literal["transformer", "mlgru"] = choice("transformer", doc="Attention, or a linear recurrence.")
    vocab: int = integer(16, 2, 256, unit="tokens", doc="Tokens that the model knows; a token is an octet.")
    features: int = integer(16, 4, 4096, doc="Elements of a residual row.")
    layers: int = integer(2, 1, 64, doc="Layers.")
    hidden: int = integer(24, 4, 4096, doc="Elements between gate and down.")
    context: int = integer(16, 2, 4096, unit="tokens", doc="Tokens that the cache holds; family transformer.")
    heads: int = integer(2, 1, 64, doc="Query heads; family transformer.")
    kv_heads: int = integer(1, 1, 64, doc="Heads of keys and values; divides heads.")
    head_dim: int = integer(8, 2, 256, doc="Elements of a head.")
    gate: Literal["relu2", "silu"] = choice("relu2", doc="Function of the feed-forward part.")
    act: Literal["static", "dynamic"] = choice("static", doc="Fixed scales, or one for each row of activations.")

    head_digits: int = integer(
        1, 1, 6, doc="Digits to base 3, each -1, 0 or 1, of a weight of the head: 1 for ternary ones, 6 for int8."
    )

    embed_shift: int = integer(4, 0, 8, doc="Left shift of embeddings.")
    rope_shift: int = integer(2, 0, 8, doc="Right shift in rotation.")
    rope_base: float = real(10000.0, 1.0, 1e9, doc="Base of the rotation's frequencies; family transformer.")
    state_shift: int = integer(2, 0, 8, doc="Left shift of candidates.")
    epsilon: int = integer(0, 0, 2**30, doc="See norm; of the norms of the residual stream.")
    mixer_epsilon: int = integer(0, 0, 2**30, doc="Of the norms before the mixers' last projection.")
    ffn_epsilon: int = integer(0, 0, 2**30, doc="Of the norms before the last matrix of a layer.")
    state_epsilon: int = integer(0, 0, 2**30, doc="Of the states' norms.")
    gain_bits: int = integer(12, 2, 16, unit="bits", doc="Width of a gain.")
    gain_fraction: int = integer(4, 0, 16, unit="bits", doc="Fraction bits of a gain.")
    guard_bits: int = integer(4, 1, 8, unit="bits", doc="See norm.")
    score_bits: int = integer(12, 4, 16, unit="bits", doc="Width of a score.")
    score_fraction: int = integer(6, 0, 16, unit="bits", doc="Fraction bits of a score.")
    probability_bits: int = integer(12, 4, 16, unit="bits", doc="Width of a probability.")
    gate_bits: int = integer(10, 3, 16, unit="bits", doc="Width of what enters gates.")
    gate_fraction: int = integer(6, 0, 16, unit="bits", doc="Fraction bits of that.")
    middle_bits: int = integer(16, 2, 24, unit="bits", doc="Width of what leaves a gate's function.")
    middle_fraction: int = integer(12, 0, 24, unit="bits", doc="Fraction bits of that.")
    up_bits: int = integer(10, 2, 16, unit="bits", doc="Width of what gates scale.")
    gate_shift: int = integer(10, 0, 40, unit="bits", doc="Right shift behind the feed-forward part's gate.")
    state_gate_shift: int = integer(7, 0, 40, unit="bits", doc="Right shift behind the state's gate.")

    def check(self) -> None:
        """Check that heads of keys divide those of queries."""
        if self.family == "transformer":
            self.require(self.heads % self.kv_heads == 0, f"kv_heads must divide heads = {self.heads}")

    @property
    def mixed(self) -> int:
        """Elements that a mixer gives."""
        return self.heads * self.head_dim if self.family == "transformer" else self.features

    @property
    def cached(self) -> int:
        """Elements of a token's keys in a layer, and of its values."""
        return self.kv_heads * self.head_dim
