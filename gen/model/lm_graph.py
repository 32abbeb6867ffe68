# SPDX-License-Identifier: BSD-2-Clause
"""The integer graph of a ternary language model: what one means, exactly. It specifies the hardware.

With ``rq(a) = sat((a * multiplier + 2**(shift-1)) >> shift)``, ``>>`` the arithmetic shift and ``sat`` the clamp to
the result's bits, two's complement, a linear layer is ``y = rq(sum(weights[c, i] * x[i]))``, one multiplier and
shift for the whole matrix. If activations are dynamic, ``x`` comes with its row's scale, a factor of ``a``. A token
at position ``p``, counted from 0, goes through

1. ``x = embed[token] << embed_shift``, 16 bits as all of the residual stream;
2. in a transformer's block ``y = norm1(x)``; ``q = rq(Wq y)``, ``k = rq(Wk y)`` of 16 bits, ``v = rq(Wv y)`` of 8. With
   ``(a, b)`` the features ``i`` and ``i + head_dim / 2`` of a head and ``(c, s)`` entry ``[p, i]`` of the tables,
   rotary positions give ``sat_8((a*c - b*s + half) >> r)`` and ``sat_8((a*s + b*c + half) >> r)``, with
   ``r = 14 + rope_shift`` and ``half = 2**(r-1)``. Keys and values join the cache. Head ``h`` of queries reads head
   ``h * kv_heads // heads`` of the cache: ``score[t] = rq(q . k[t])`` for ``t`` in ``0..p``, ``w = softmax(score)``,
   ``out = rq(sum(w[t] * v[t]))`` of 16 bits; ``x = sat_16(x + rq(Wo attn_sub_norm(out)))``;
3. in a block of family mlgru ``y = norm1(x)``; ``f = sigmoid(rq(Wf y))`` of 12 bits, unsigned, and
   ``f = bound + ((4096 - bound) * f + 2**11 >> 12)``, in 0..4096; ``c = silu(rq(Wi y))``;
   ``h = sat_16((f * h + (4096 - f) * (c << state_shift) + 2**11) >> 12)``, at first 0;
   ``z = gated(rq(Wg y), state_norm(h))``, silu, of 16 bits; ``x = sat_16(x + rq(Wo mixer_sub_norm(z)))``;
4. then ``y = norm2(x)``; ``z = gated(rq(Wgate y), rq(Wup y))`` of 16 bits, relu2 or silu;
   ``x = sat_16(x + rq(Wdown ffn_sub_norm(z)))``;
5. ``logits = sum(head[v, i] * norm(x)[i])``, plain sums of 32 bits; the greatest wins, ties to the lowest token.

Norms, softmax, sigmoid, silu and gates are those of the rooms ``norm``, ``softmax`` (algorithm exact), ``activation``
and ``gated``, with the configs that `LmGraph` gives. The norm before the head and ``state_norm`` are static always.
A transformer takes ``context`` tokens; then its cache is full.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gatewright.gen.model.graph import MULTIPLIER_BITS, Ints
from gatewright.gen.model.lm_sizes import LmFormats, LmGeometry
from gatewright.gen.model.vit_graph import kept
from gatewright.hw.core.errors import ModelError
from gatewright.hw.nonlinear.activation.config import ActivationConfig
from gatewright.hw.nonlinear.gated.config import GatedConfig
from gatewright.hw.nonlinear.norm.config import NormConfig
from gatewright.hw.nonlinear.softmax.config import SoftmaxConfig

SHIFT_MIN, SHIFT_MAX, DYNAMIC_SHIFT_MAX = 16, 31, 79
RESIDUAL_BITS, ACTIVATION_BITS, WIDE_BITS = 16, 8, 16
TABLE_FRACTION = 14  # of cosines and sines
FORGET_BITS = 12  # of forget gates, unsigned; 1 is 2**12

Octets = NDArray[np.int8]


@dataclass(frozen=True)
class Scale:
    """A multiplier of 16 bits and a right shift: 16..31, and up to 79 where a row's scale is a factor as well."""

    multiplier: int
    shift: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        kept("rescale", "multiplier", self.multiplier, 0, (1 << MULTIPLIER_BITS) - 1, ())
        kept("rescale", "shift", self.shift, SHIFT_MIN, DYNAMIC_SHIFT_MAX, ())


@dataclass(frozen=True, eq=False)
class TernaryLinear:
    """A linear layer: ``weights (outputs, inputs) int8`` of -1, 0 and 1, its rescale, the width of its results."""

    name: str
    weights: Octets
    scale: Scale
    out_bits: int = WIDE_BITS

    def __post_init__(self) -> None:
        """Check the weights and close them."""
        weights = np.asarray(self.weights)
        if weights.ndim != 2 or 0 in weights.shape:
            raise ModelError(f"{self.name}: weights must have the shape (outputs, inputs), not {weights.shape}")
        if weights.dtype != np.int8 or weights.min() < -1 or weights.max() > 1:
            raise ModelError(f"{self.name}: weights must be int8 of -1, 0 and 1")
        if weights.flags.writeable:
            weights = weights.copy()
            weights.setflags(write=False)
        object.__setattr__(self, "weights", weights)

    @property
    def outputs(self) -> int:
        """Output features."""
        return self.weights.shape[0]

    @property
    def inputs(self) -> int:
        """Input features."""
        return self.weights.shape[1]


@dataclass(frozen=True, eq=False)
class Attention:
    """Projections, rescales of scores and of results, and gains of the norm before ``o``."""

    q: TernaryLinear
    k: TernaryLinear
    v: TernaryLinear
    score: Scale
    out: Scale
    sub_norm: Ints
    o: TernaryLinear


@dataclass(frozen=True, eq=False)
class Mlgru:
    """Projections of forget gate, candidate (``i``) and output gate; least forget gates; gains; the last projection."""

    f: TernaryLinear
    i: TernaryLinear
    g: TernaryLinear
    bound: Ints
    state_norm: Ints
    sub_norm: Ints
    o: TernaryLinear


@dataclass(frozen=True, eq=False)
class GatedMlp:
    """The feed-forward part, with gains of the norm before ``down``."""

    gate: TernaryLinear
    up: TernaryLinear
    sub_norm: Ints
    down: TernaryLinear


@dataclass(frozen=True, eq=False)
class LmBlock:
    """One layer; norms are their gains."""

    norm1: Ints
    mixer: Attention | Mlgru
    norm2: Ints
    mlp: GatedMlp


@dataclass(frozen=True, eq=False)
class LmGraph:
    """A whole model; see the module for its meaning.

    Attributes
    ----------
    name : str
    geometry : LmGeometry
    formats : LmFormats
    gate : str
        Function of the feed-forward part: relu2 or silu.
    act : str
        static, or dynamic: rows quantised by their own largest magnitude.
    rope_base : float
        Angle ``position * rope_base**(-2 * i / head_dim)`` for pair ``i``.
    embed : (vocab, dim) int8
    blocks : sequence of LmBlock
        May build its blocks as they are asked for; see `check_block`.
    norm : (dim,) int64
        Gains before the head.
    head : (vocab, dim) int8
        Trits, or the embedding itself.
    logit_step : float
        What a logit of 1 is really worth.
    """

    name: str
    geometry: LmGeometry
    formats: LmFormats
    gate: Literal["relu2", "silu"]
    act: Literal["static", "dynamic"]
    rope_base: float
    embed: Octets
    blocks: Sequence[LmBlock]
    norm: Ints
    head: Octets
    logit_step: float

    def __post_init__(self) -> None:
        """Check that the parts fit the geometry and their formats."""
        size = self.geometry
        for name in ("embed", "head"):
            found = getattr(self, name)
            if found.shape != (size.vocab, size.dim) or found.dtype != np.int8:
                raise ModelError(
                    f"{self.name}: {name} must be int8 of the shape {(size.vocab, size.dim)}, "
                    f"not {found.dtype} of {found.shape}"
                )
        if len(self.blocks) != size.layers:
            raise ModelError(f"{self.name}: blocks must be {size.layers}, not {len(self.blocks)}")
        if isinstance(self.blocks, tuple):
            for layer, block in enumerate(self.blocks):
                self.check_block(layer, block)
        object.__setattr__(self, "norm", self._gains("norm", self.norm, size.dim))

    @property
    def tied(self) -> bool:
        """Whether the head is the embedding."""
        return self.head is self.embed

    @property
    def weights(self) -> int:
        """Ternary weights of all matrices."""
        size = self.geometry
        mixer = size.dim * (2 * size.mixed + 2 * size.cached if size.family == "transformer" else 4 * size.dim)
        head = 0 if self.tied or np.abs(self.head).max() > 1 else size.vocab * size.dim
        return size.layers * (mixer + 3 * size.dim * size.ff) + head

    def check_block(self, layer: int, block: LmBlock) -> LmBlock:
        """Check a block against geometry and formats; give it back."""
        size, at = self.geometry, f"block {layer}"
        self._gains(f"{at} norm1", block.norm1, size.dim)
        self._gains(f"{at} norm2", block.norm2, size.dim)
        mixer, mlp, form = block.mixer, block.mlp, self.formats
        if isinstance(mixer, Attention) is not (size.family == "transformer"):
            raise ModelError(f"{self.name}: {at} must be one of family {size.family}")
        self._gains(f"{at} sub_norm of the mixer", mixer.sub_norm, size.mixed)
        if isinstance(mixer, Attention):
            self._linear(mixer.q, size.mixed, size.dim, WIDE_BITS)
            self._linear(mixer.k, size.cached, size.dim, WIDE_BITS)
            self._linear(mixer.v, size.cached, size.dim, ACTIVATION_BITS)
            for scale in (mixer.score, mixer.out):
                kept(f"{self.name}: {at}", "shift", scale.shift, SHIFT_MIN, SHIFT_MAX, ())
        else:
            for layer_ in (mixer.f, mixer.i, mixer.g):
                self._linear(layer_, size.dim, size.dim, form.gate_bits)
            kept(f"{self.name}: {at}", "bound", mixer.bound, 0, (1 << FORGET_BITS) - 1, (size.dim,))
            self._gains(f"{at} state_norm", mixer.state_norm, size.dim)
        self._linear(mixer.o, size.dim, size.mixed, RESIDUAL_BITS)
        self._linear(mlp.gate, size.ff, size.dim, form.gate_bits)
        self._linear(mlp.up, size.ff, size.dim, form.up_bits)
        self._gains(f"{at} sub_norm of the mlp", mlp.sub_norm, size.ff)
        self._linear(mlp.down, size.dim, size.ff, RESIDUAL_BITS)
        return block

    def _linear(self, layer: TernaryLinear, outputs: int, inputs: int, out_bits: int) -> None:
        if (found := layer.weights.shape) != (outputs, inputs):
            raise ModelError(f"{layer.name}: weights must have the shape {(outputs, inputs)}, not {found}")
        if layer.out_bits != out_bits:
            raise ModelError(f"{layer.name}: out_bits must be {out_bits}, not {layer.out_bits}")
        if self.act == "static":
            kept(layer.name, "shift", layer.scale.shift, SHIFT_MIN, SHIFT_MAX, ())

    def _gains(self, field: str, array: Any, count: int) -> Ints:
        most = 1 << (self.formats.gain_bits - 1)
        return kept(self.name, f"{field} gain", array, -most, most - 1, (count,))

    @cached_property
    def rope(self) -> tuple[Ints, Ints]:
        """Cosines and sines ``(context, head_dim / 2)`` in units of ``2**-14``."""
        size = self.geometry
        turns = self.rope_base ** (-np.arange(0, size.head_dim, 2) / size.head_dim)
        angle = np.arange(size.context)[:, np.newaxis] * turns
        cos, sin = (np.rint(part * (1 << TABLE_FRACTION)).astype(np.int64) for part in (np.cos(angle), np.sin(angle)))
        return cos, sin

    def _norm_config(self, elements: int, epsilon: int, output: Literal["static", "dynamic"]) -> NormConfig:
        form = self.formats
        return NormConfig(
            kind="rms", output=output, lanes=1, elements=elements, in_bits=WIDE_BITS, out_bits=ACTIVATION_BITS,
            weight_bits=form.gain_bits, weight_fraction=form.gain_fraction, guard_bits=form.guard_bits, epsilon=epsilon,
        )  # fmt: skip

    @cached_property
    def norm_config(self) -> NormConfig:
        """Room of the norms of the residual stream, but for the last."""
        return self._norm_config(self.geometry.dim, self.formats.epsilon, self.act)

    @cached_property
    def last_norm_config(self) -> NormConfig:
        """Room of the norm before the head."""
        return self._norm_config(self.geometry.dim, self.formats.epsilon, "static")

    @cached_property
    def mixer_norm_config(self) -> NormConfig:
        """Room of the norm between a mixer and its last projection."""
        return self._norm_config(self.geometry.mixed, self.formats.mixer_epsilon, self.act)

    @cached_property
    def state_norm_config(self) -> NormConfig:
        """Room of the norm of the state."""
        return self._norm_config(self.geometry.dim, self.formats.state_epsilon, "static")

    @cached_property
    def ffn_norm_config(self) -> NormConfig:
        """Room of the norm between gate and down."""
        return self._norm_config(self.geometry.ff, self.formats.ffn_epsilon, self.act)

    @cached_property
    def softmax_config(self) -> SoftmaxConfig:
        """Room of attention's probabilities."""
        form = self.formats
        return SoftmaxConfig(
            algorithm="exact", lanes=1, score_bits=form.score_bits, scale=1, scale_fraction=form.score_fraction,
            out_bits=form.probability_bits, row_max=self.geometry.context, mask="limit",
        )  # fmt: skip

    @cached_property
    def forget_config(self) -> ActivationConfig:
        """Room of the forget gate."""
        form = self.formats
        return ActivationConfig(
            function="sigmoid", method="symmetry", in_bits=form.gate_bits, in_fraction=form.gate_fraction,
            out_bits=FORGET_BITS, out_signed=False, out_fraction=FORGET_BITS,
        )  # fmt: skip

    @cached_property
    def candidate_config(self) -> ActivationConfig:
        """Room of the candidate."""
        return self.state_gate_config.activation

    @cached_property
    def state_gate_config(self) -> GatedConfig:
        """Room of the output gate over the normalised state."""
        return self._gated("silu", ACTIVATION_BITS)

    @cached_property
    def gated_config(self) -> GatedConfig:
        """Room of the feed-forward part's gate."""
        return self._gated(self.gate, self.formats.up_bits)

    def _gated(self, function: Literal["relu2", "silu"], u_bits: int) -> GatedConfig:
        return gate_config(self.formats, function, u_bits)


def gate_config(form: LmFormats, function: Literal["relu2", "silu"], u_bits: int) -> GatedConfig:
    """Give the room ``gated`` with the least shift that lets no product leave 16 bits."""

    def config(shift: int) -> GatedConfig:
        return GatedConfig(
            lanes=1, function=function, method="symmetry", in_bits=form.gate_bits, in_fraction=form.gate_fraction,
            middle_bits=form.middle_bits, middle_fraction=form.middle_fraction, u_bits=u_bits, shift=shift,
            rounding="half_up", out_bits=WIDE_BITS,
        )  # fmt: skip

    low, high = config(0).product_reach
    return config(max(0, max(-low, high).bit_length() - WIDE_BITS + 1))
