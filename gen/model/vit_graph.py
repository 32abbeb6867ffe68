# SPDX-License-Identifier: BSD-2-Clause
"""The integer graph of an MoE vision transformer: what one means, exactly. It specifies the hardware.

With ``rq(a) = floor((a * multiplier + 2**(shift-1)) / 2**shift)`` and ``sat_b`` the clamp to ``b`` bits, two's
complement, a linear layer is ``y[c] = sat(rq(bias[c] + sum(weights[c, i] * x[i])))`` with its own multiplier and
shift for each channel ``c``. An image goes through

1. tokens: ``x[0] = pos[0]``, and for each patch, row by row, ``x[t] = sat_16(pos[t] + patch(pixels))``, its pixels
   in the order channel, row, column;
2. for each block: ``y = norm1(x)``; per head ``s = sat(rq(q . k))``, ``p = softmax(s)``, ``o = sat_8(rq(sum p * v))``;
   ``x = sat_16(x + proj(o))``;
3. then ``y = norm2(x)``, and in a block with a dense MLP ``x = sat_16(x + fc2(gelu(fc1(y))))``;
4. in a block with experts ``score[e] = sat(rq(gate[task, e] . y))``; the ``top_k`` greatest are chosen, ties to the
   lower id, weighted by the softmax over all scores or over the chosen ones; for the chosen in ascending id
   ``x = sat_16(x + floor((weight * fc2[e](gelu(fc1[e](y))) + 2**(weight_bits-1)) / 2**weight_bits))``;
5. ``logits = sat_16(rq(head[task] . norm(x[0]) + bias))``; the greatest wins, ties to the lowest index.

Norms, softmax and GELU are those of the rooms ``norm``, ``softmax`` (algorithm exact) and ``activation``
(method symmetry), with the configs that `VitGraph` gives.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewright.gen.model.graph import ACC_BITS, MULTIPLIER_BITS, Ints
from gatewright.hw.core.errors import ModelError
from gatewright.hw.nonlinear.activation.config import ActivationConfig
from gatewright.hw.nonlinear.norm.config import NormConfig
from gatewright.hw.nonlinear.softmax.config import SoftmaxConfig

SHIFT_MIN, SHIFT_MAX = 16, 31
RESIDUAL_BITS, ACTIVATION_BITS, LOGIT_BITS = 16, 8, 16

Octets = NDArray[np.int8]


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """Sizes; ``channels`` to ``patch`` in pixels, ``dim``, ``ff`` and ``expert_ff`` in features."""

    channels: int
    height: int
    width: int
    patch: int
    dim: int
    heads: int
    layers: int
    ff: int
    experts: int
    expert_ff: int
    top_k: int

    def __post_init__(self) -> None:
        """Check the rules between sizes."""
        for name, value in vars(self).items():
            if value < 1:
                raise ModelError(f"{name} must be at least 1, not {value}")
        for name in ("height", "width"):
            if getattr(self, name) % self.patch:
                raise ModelError(f"{name} must be a multiple of patch = {self.patch}, not {getattr(self, name)}")
        if self.dim % self.heads:
            raise ModelError(f"dim must be a multiple of heads = {self.heads}, not {self.dim}")
        if self.top_k > self.experts:
            raise ModelError(f"top_k must be at most experts = {self.experts}, not {self.top_k}")

    @property
    def rows(self) -> int:
        """Patches from top to bottom."""
        return self.height // self.patch

    @property
    def columns(self) -> int:
        """Patches from left to right."""
        return self.width // self.patch

    @property
    def tokens(self) -> int:
        """Class token and patches."""
        return 1 + self.rows * self.columns

    @property
    def patch_pixels(self) -> int:
        """Numbers in a patch."""
        return self.channels * self.patch**2

    @property
    def head_dim(self) -> int:
        """Features of a head."""
        return self.dim // self.heads

    @staticmethod
    def has_experts(layer: int) -> bool:
        """Tell whether a block holds experts: every second one."""
        return layer % 2 == 1


@dataclass(frozen=True, kw_only=True)
class Formats:
    """Widths, and what a step of a code is really worth.

    Attributes
    ----------
    pixel_step, residual_step, norm_step : float
        Of pixels, of the residual stream and of normalised rows. Only the meaning of results needs them.
    score_fraction, gate_fraction, gelu_in_fraction, gelu_out_fraction : int
        Steps ``2**-fraction`` of attention scores, gate scores and GELU's both ends.
    pixel_bits : int
        Width of a pixel, unsigned.
    score_bits, gate_bits : int
        Widths of scores, two's complement.
    probability_bits, weight_bits : int
        Widths of attention's probabilities and of the experts' weights, unsigned, with units ``2**-bits``.
    gain_bits, gain_fraction, bias_bits, guard_bits, epsilon : int
        Of the room ``norm``.
    """

    pixel_step: float
    residual_step: float
    norm_step: float
    score_fraction: int
    gate_fraction: int
    gelu_in_fraction: int
    gelu_out_fraction: int
    epsilon: int
    pixel_bits: int = 7
    score_bits: int = 8
    probability_bits: int = 8
    gate_bits: int = 10
    weight_bits: int = 12
    gain_bits: int = 12
    gain_fraction: int = 4
    bias_bits: int = 14
    guard_bits: int = 4


@dataclass(frozen=True)
class Rescale:
    """A multiplier and a right shift, one pair for a whole tensor."""

    multiplier: int
    shift: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        kept("rescale", "multiplier", self.multiplier, 0, (1 << MULTIPLIER_BITS) - 1, ())
        kept("rescale", "shift", self.shift, SHIFT_MIN, SHIFT_MAX, ())


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear layer with its rescale.

    Attributes
    ----------
    name : str
    weights : (outputs, inputs) int8
    bias : (outputs,) int64
        In units of the accumulator.
    multiplier, shift : (outputs,) int64
        Unsigned, 16 bits; and 16..31.
    out_bits : int
        Width of an output, two's complement.
    """

    name: str
    weights: Octets
    bias: Ints
    multiplier: Ints
    shift: Ints
    out_bits: int = ACTIVATION_BITS

    def __post_init__(self) -> None:
        """Check shapes and ranges; copy the arrays, so that nobody changes them afterwards."""
        shape = np.shape(self.weights)
        if len(shape) != 2 or 0 in shape:
            raise ModelError(f"{self.name}: weights must have the shape (outputs, inputs), not {shape}")
        channels = shape[:1]
        weights = kept(self.name, "weights", self.weights, -127, 127, shape).astype(np.int8)
        weights.setflags(write=False)
        object.__setattr__(self, "weights", weights)
        high = (1 << (ACC_BITS - 1)) - 1
        for field, low, most in (
            ("bias", -high - 1, high),
            ("multiplier", 0, (1 << MULTIPLIER_BITS) - 1),
            ("shift", SHIFT_MIN, SHIFT_MAX),
        ):
            object.__setattr__(self, field, kept(self.name, field, getattr(self, field), low, most, channels))
        reach = int((np.abs(weights.astype(np.int64)).sum(axis=1) * 128 + np.abs(self.bias)).max())
        if reach > high:
            raise ModelError(f"{self.name}: accumulator must fit {ACC_BITS} bits, but can reach {reach}")

    @property
    def outputs(self) -> int:
        """Output channels."""
        return self.weights.shape[0]

    @property
    def inputs(self) -> int:
        """Input features."""
        return self.weights.shape[1]

    @property
    def ternary(self) -> bool:
        """Whether all weights are -1, 0 or 1."""
        return bool(np.abs(self.weights.astype(np.int64)).max() <= 1)


@dataclass(frozen=True, eq=False)
class Norm:
    """Gains and biases ``(dim,)`` of the room ``norm``, as its codes; no biases for kind rms."""

    gain: Ints
    bias: Ints | None


@dataclass(frozen=True, eq=False)
class Attention:
    """Projections, and the rescales of scores and of results."""

    qkv: Linear
    proj: Linear
    score: Rescale
    out: Rescale


@dataclass(frozen=True, eq=False)
class Mlp:
    """Two linear layers with GELU between them: a dense MLP, or one expert."""

    fc1: Linear
    fc2: Linear


@dataclass(frozen=True, eq=False)
class Moe:
    """Experts, and for each task a gate ``gates[task] (experts, dim) int8`` with a rescale."""

    gates: Octets
    scales: tuple[Rescale, ...]
    experts: tuple[Mlp, ...]


@dataclass(frozen=True, eq=False)
class Block:
    """One layer of the transformer."""

    norm1: Norm
    attention: Attention
    norm2: Norm
    mlp: Mlp | Moe


@dataclass(frozen=True, eq=False)
class Head:
    """A task: its name, class names, ``weights (classes, dim) int8``, ``bias (classes,)``, the step of its sums."""

    task: str
    classes: tuple[str, ...]
    weights: Octets
    bias: Ints
    step: float

    @cached_property
    def linear(self) -> Linear:
        """The layer whose results are the logits: a right shift brings the greatest possible sum to 16 bits."""
        count = len(self.weights)
        reach = int((np.abs(self.weights.astype(np.int64)).sum(axis=1) * 128 + np.abs(self.bias)).max())
        shift = max(1, reach.bit_length() - LOGIT_BITS + 1)
        multiplier, most = np.full(count, 1 << max(0, SHIFT_MIN - shift)), np.full(count, max(SHIFT_MIN, shift))
        return Linear(f"head {self.task}", self.weights, self.bias, multiplier, most, LOGIT_BITS)

    @property
    def logit_step(self) -> float:
        """What a logit of 1 is really worth."""
        layer = self.linear
        return self.step * 2.0 ** int(layer.shift[0]) / int(layer.multiplier[0])


@dataclass(frozen=True, eq=False)
class VitGraph:
    """A whole model; see the module for its meaning.

    Attributes
    ----------
    name : str
    geometry : Geometry
    formats : Formats
    norm_kind : str
        layer or rms.
    over : str
        What the softmax of the gates runs over: all experts or the chosen ones.
    patch : Linear
        Its bias is 0: it is part of ``pos``.
    pos : (tokens, dim) int64
        16 bits; entry 0 is the class token as well.
    blocks : tuple of Block
    norm : Norm
    heads : tuple of Head
    """

    name: str
    geometry: Geometry
    formats: Formats
    norm_kind: Literal["layer", "rms"]
    over: Literal["all", "chosen"]
    patch: Linear
    pos: Ints
    blocks: tuple[Block, ...]
    norm: Norm
    heads: tuple[Head, ...]

    def __post_init__(self) -> None:
        """Check that the parts fit the geometry and their formats."""
        size, tasks = self.geometry, len(self.heads)
        object.__setattr__(self, "pos", self._signed("pos", self.pos, RESIDUAL_BITS, (size.tokens, size.dim)))
        self._linear(self.patch, size.dim, size.patch_pixels, RESIDUAL_BITS)
        if len(self.blocks) != size.layers:
            raise ModelError(f"{self.name}: blocks must be {size.layers}, not {len(self.blocks)}")
        if not tasks:
            raise ModelError(f"{self.name}: heads must not be empty")
        for layer, block in enumerate(self.blocks):
            self._norm(f"block {layer} norm1", block.norm1)
            self._norm(f"block {layer} norm2", block.norm2)
            self._linear(block.attention.qkv, 3 * size.dim, size.dim, ACTIVATION_BITS)
            self._linear(block.attention.proj, size.dim, size.dim, RESIDUAL_BITS)
            if isinstance(block.mlp, Mlp) is size.has_experts(layer):
                wanted = "experts" if size.has_experts(layer) else "a dense MLP"
                raise ModelError(f"{self.name}: block {layer} must hold {wanted}")
            if isinstance(block.mlp, Mlp):
                self._mlp(block.mlp, size.ff)
                continue
            self._signed(f"block {layer} gates", block.mlp.gates, 8, (tasks, size.experts, size.dim))
            if len(block.mlp.scales) != tasks or len(block.mlp.experts) != size.experts:
                raise ModelError(f"{self.name}: block {layer} must have {tasks} scales and {size.experts} experts")
            for expert in block.mlp.experts:
                self._mlp(expert, size.expert_ff)
        self._norm("norm", self.norm)
        for head in self.heads:
            self._signed(f"head {head.task} weights", head.weights, 8, (len(head.classes), size.dim))
            self._signed(f"head {head.task} bias", head.bias, ACC_BITS, (len(head.classes),))

    def _mlp(self, mlp: Mlp, hidden: int) -> None:
        self._linear(mlp.fc1, hidden, self.geometry.dim, ACTIVATION_BITS)
        self._linear(mlp.fc2, self.geometry.dim, hidden, RESIDUAL_BITS)

    def _linear(self, layer: Linear, outputs: int, inputs: int, out_bits: int) -> None:
        if (found := layer.weights.shape) != (outputs, inputs):
            raise ModelError(f"{layer.name}: weights must have the shape {(outputs, inputs)}, not {found}")
        if layer.out_bits != out_bits:
            raise ModelError(f"{layer.name}: out_bits must be {out_bits}, not {layer.out_bits}")

    def _norm(self, name: str, norm: Norm) -> None:
        self._signed(f"{name} gain", norm.gain, self.formats.gain_bits, (self.geometry.dim,))
        if (norm.bias is None) is not (self.norm_kind == "rms"):
            raise ModelError(f"{self.name}: {name} must have {'a' if norm.bias is None else 'no'} bias")
        if norm.bias is not None:
            self._signed(f"{name} bias", norm.bias, self.formats.bias_bits, (self.geometry.dim,))

    def _signed(self, field: str, array: ArrayLike, bits: int, shape: tuple[int, ...]) -> Ints:
        return kept(self.name, field, array, -(1 << (bits - 1)), (1 << (bits - 1)) - 1, shape)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks."""
        return tuple(head.task for head in self.heads)

    @cached_property
    def norm_config(self) -> NormConfig:
        """Room of all norms."""
        form = self.formats
        return NormConfig(
            kind=self.norm_kind, output="static", lanes=1, elements=self.geometry.dim, in_bits=RESIDUAL_BITS,
            out_bits=ACTIVATION_BITS, weight_bits=form.gain_bits, weight_fraction=form.gain_fraction,
            bias_bits=form.bias_bits, guard_bits=form.guard_bits, epsilon=form.epsilon,
        )  # fmt: skip

    @cached_property
    def softmax_config(self) -> SoftmaxConfig:
        """Room of attention's probabilities."""
        form = self.formats
        return SoftmaxConfig(
            algorithm="exact", lanes=1, score_bits=form.score_bits, scale=1, scale_fraction=form.score_fraction,
            out_bits=form.probability_bits, row_max=self.geometry.tokens,
        )  # fmt: skip

    @cached_property
    def gate_config(self) -> SoftmaxConfig:
        """Room of the experts' weights."""
        form, size = self.formats, self.geometry
        return SoftmaxConfig(
            algorithm="exact", lanes=1, score_bits=form.gate_bits, scale=1, scale_fraction=form.gate_fraction,
            out_bits=form.weight_bits, row_max=size.experts if self.over == "all" else size.top_k,
        )  # fmt: skip

    @cached_property
    def gelu_config(self) -> ActivationConfig:
        """Room of GELU."""
        form = self.formats
        return ActivationConfig(
            function="gelu", method="symmetry", in_bits=ACTIVATION_BITS, out_bits=ACTIVATION_BITS,
            in_fraction=form.gelu_in_fraction, out_fraction=form.gelu_out_fraction,
        )  # fmt: skip


def kept(owner: str, field: str, array: Any, low: int, high: int, shape: tuple[int, ...]) -> Ints:
    """Check shape and range of an array; give a copy that can't be written."""
    found = np.asarray(array)
    if found.shape != shape:
        raise ModelError(f"{owner}: {field} must have the shape {shape}, not {found.shape}")
    wrong = (found < low) | (found > high)
    if np.any(wrong):
        raise ModelError(f"{owner}: {field} must lie in {low}..{high}, not {found[wrong].ravel()[0]}")
    copy = found.astype(np.int64)
    copy.setflags(write=False)
    return copy
