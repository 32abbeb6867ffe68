# SPDX-License-Identifier: BSD-2-Clause
"""Sizes and number formats of a ternary language model."""

from dataclasses import dataclass
from typing import Literal

from gatewright.hw.core.errors import ModelError

ROPE_SHIFT_MAX = 8

Family = Literal["transformer", "mlgru"]


@dataclass(frozen=True, kw_only=True)
class LmGeometry:
    """Sizes; ``dim``, ``head_dim`` and ``ff`` in features, ``context`` in tokens. Heads are 0 in family mlgru."""

    family: Family
    vocab: int
    dim: int
    layers: int
    ff: int
    context: int
    heads: int = 0
    kv_heads: int = 0
    head_dim: int = 0

    def __post_init__(self) -> None:
        """Check the rules between sizes."""
        for name, value in vars(self).items():
            if name == "family":
                if value not in ("transformer", "mlgru"):
                    raise ModelError(f"family must be transformer or mlgru, not {value!r}")
            elif name in ("heads", "kv_heads", "head_dim") and self.family == "mlgru":
                if value:
                    raise ModelError(f"{name} must be 0 in family mlgru, not {value}")
            elif value < 1:
                raise ModelError(f"{name} must be at least 1, not {value}")
        if self.family == "transformer":
            if self.heads % self.kv_heads:
                raise ModelError(f"heads must be a multiple of kv_heads = {self.kv_heads}, not {self.heads}")
            if self.head_dim % 2:
                raise ModelError(f"head_dim must be even, not {self.head_dim}")

    @property
    def mixed(self) -> int:
        """Features that the last projection of a mixer reads."""
        return self.heads * self.head_dim if self.family == "transformer" else self.dim

    @property
    def cached(self) -> int:
        """Features of keys, or of values, that a layer caches for a token."""
        return self.kv_heads * self.head_dim


@dataclass(frozen=True, kw_only=True)
class LmFormats:
    """Widths, and what a step of a code is really worth.

    Attributes
    ----------
    residual_step, norm_step : float
        Of the residual stream and of normalised rows with static output. Only the meaning of results needs them.
    embed_shift : int
        Left shift of embeddings. 0..8.
    rope_shift : int
        How many steps of queries and keys make one after rotation, as a power of two. 0..8.
    state_shift : int
        Left shift of candidates. 0..8.
    score_fraction, gate_fraction, middle_fraction : int
        Steps ``2**-fraction`` of attention scores, of what enters silu, relu2 and sigmoid, and of what leaves the
        former two.
    epsilon, mixer_epsilon, state_epsilon, ffn_epsilon : int
        Of norms of the residual stream, of what a mixer gives, of the state, and between gate and down.
    score_bits, gate_bits, up_bits, middle_bits : int
        Widths: scores, gates before and after their function, what they scale.
    probability_bits : int
        Width of attention's probabilities, unsigned.
    gain_bits, gain_fraction, guard_bits : int
        Of the room ``norm``.
    """

    residual_step: float
    norm_step: float
    embed_shift: int
    score_fraction: int
    gate_fraction: int
    middle_fraction: int
    epsilon: int
    mixer_epsilon: int
    ffn_epsilon: int
    state_epsilon: int = 0
    rope_shift: int = 0
    state_shift: int = 0
    score_bits: int = 12
    probability_bits: int = 12
    gate_bits: int = 10
    up_bits: int = 10
    middle_bits: int = 16
    gain_bits: int = 12
    gain_fraction: int = 4
    guard_bits: int = 4

    def __post_init__(self) -> None:
        """Check the shifts; rooms check the rest."""
        for name in ("embed_shift", "rope_shift", "state_shift"):
            if not 0 <= (value := getattr(self, name)) <= ROPE_SHIFT_MAX:
                raise ModelError(f"{name} must lie in 0..{ROPE_SHIFT_MAX}, not {value}")
