# SPDX-License-Identifier: BSD-2-Clause
"""Import MoE vision transformers: float32 tensors in safetensors and a JSON configuration become the integer graph.

Everything follows from these two files. Weights are rounded to the nearest of -127..127 steps, where a step is
the largest magnitude over 127: of an output channel, or of a whole matrix for gates and heads, whose results
are compared. Ternary weights are -1, 0 or 1 steps of the matrix's mean magnitude. Biases are rounded to steps of
the accumulator, rescale ratios to 16 bits.
"""

from collections.abc import Mapping
from fractions import Fraction
from math import frexp
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.gen.model.graph import MULTIPLIER_BITS, Ints
from gatewright.gen.model.rescale import fixed_point
from gatewright.gen.model.tensor_file import TensorFile
from gatewright.gen.model.vit_config import VitConfig, read_config
from gatewright.gen.model.vit_graph import (
    RESIDUAL_BITS,
    SHIFT_MAX,
    SHIFT_MIN,
    Attention,
    Block,
    Formats,
    Head,
    Linear,
    Mlp,
    Moe,
    Norm,
    Rescale,
    VitGraph,
)
from gatewright.hw.core.errors import ModelError

Floats = NDArray[np.float32]
Tensors = Mapping[str, Floats]
EPSILON_MAX = 1 << 30


def load_vit(path: Path | str) -> VitGraph:
    """Read a model.

    Parameters
    ----------
    path : path of the ``.safetensors`` or of the ``.json`` file
        The other has the same name.

    Raises
    ------
    ModelError
        One line that names the file, the tensor or key, and what it must be.
    """
    config, tensors = read_vit(path)
    return quantise(config, tensors)


def read_vit(path: Path | str) -> tuple[VitConfig, dict[str, Floats]]:
    """Read the two files and check that they belong together; round nothing."""
    path = Path(path)
    config = read_config(path.with_suffix(".json"))
    file = path.with_suffix(".safetensors")
    tensors = _read_tensors(file)
    check_tensors(config, tensors, file.name)
    return config, tensors


def _read_tensors(path: Path) -> dict[str, Floats]:
    file = TensorFile(path)
    for name, entry in file.entries.items():
        if entry.kind != "F32":
            raise ModelError(f"{path.name}: tensor {name} must be of type F32, not {entry.kind}")
    return dict(file)


def tensor_shapes(config: VitConfig) -> dict[str, tuple[int, ...]]:
    """Give the names and shapes of all tensors of a model."""
    size, tasks = config.geometry, len(config.tasks)
    dim = size.dim
    shapes: dict[str, tuple[int, ...]] = {
        "patch_embed.weight": (dim, size.patch_pixels),
        "pos_embed": (size.tokens, dim),
        **_norm_shapes(config, "norm"),
    }
    for layer in range(size.layers):
        at = f"blocks.{layer}"
        shapes |= _norm_shapes(config, f"{at}.norm1") | _norm_shapes(config, f"{at}.norm2")
        shapes |= _linear_shapes(f"{at}.attn.qkv", 3 * dim, dim) | _linear_shapes(f"{at}.attn.proj", dim, dim)
        if size.has_experts(layer):
            shapes[f"{at}.moe.gate.weight"] = (tasks, size.experts, dim)
            shapes |= _linear_shapes(f"{at}.moe.fc1", size.experts, size.expert_ff, dim)
            shapes |= _linear_shapes(f"{at}.moe.fc2", size.experts, dim, size.expert_ff)
        else:
            shapes |= _linear_shapes(f"{at}.mlp.fc1", size.ff, dim) | _linear_shapes(f"{at}.mlp.fc2", dim, size.ff)
    for task, (_, classes) in enumerate(config.tasks):
        shapes |= _linear_shapes(f"heads.{task}", len(classes), dim)
    return shapes


def _linear_shapes(name: str, *shape: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:-1]}


def _norm_shapes(config: VitConfig, name: str) -> dict[str, tuple[int, ...]]:
    parts = ("weight",) if config.norm == "rms" else ("weight", "bias")
    return {f"{name}.{part}": (config.geometry.dim,) for part in parts}


def check_tensors(config: VitConfig, tensors: Tensors, file: str) -> None:
    """Refuse unknown and missing tensors, wrong shapes and what is no number."""
    shapes = tensor_shapes(config)
    for name in tensors:
        if name not in shapes:
            raise ModelError(f"{file}: tensor {name} is unknown to this configuration; remove it")
    for name, shape in shapes.items():
        if name not in tensors:
            raise ModelError(f"{file}: tensor {name} of shape {shape} is missing")
        if tensors[name].shape != shape:
            raise ModelError(f"{file}: tensor {name} must have the shape {shape}, not {tensors[name].shape}")
        if not np.isfinite(tensors[name]).all():
            raise ModelError(f"{file}: tensor {name} must be finite")


def quantise(config: VitConfig, tensors: Tensors) -> VitGraph:
    """Turn a float model into the integer graph.

    Raises
    ------
    ModelError
        A number does not fit its integer; the line names the tensor or the step.
    """
    return _Quantiser(config, tensors).graph()


def rescale(ratio: float, place: str, shift_max: int = SHIFT_MAX) -> tuple[int, int]:
    """Find a 16-bit multiplier and a shift from 16 on with ``multiplier / 2**shift`` nearest to ``ratio``."""
    exact = Fraction(ratio)
    try:
        multiplier, shift = fixed_point(exact, shift_max + MULTIPLIER_BITS)
    except ValueError as error:
        raise ModelError(f"{place}: rescale {error}; check the steps around it") from None
    if shift < SHIFT_MIN:
        raise ModelError(f"{place}: rescale ratio must be below 1, not {ratio:g}; check the steps around it")
    if shift > shift_max:
        return round(exact * (1 << shift_max)), shift_max
    return multiplier, shift


class _Quantiser:
    """One pass over the tensors, which are taken to have been checked."""

    def __init__(self, config: VitConfig, tensors: Tensors) -> None:
        self.config, self.steps = config, config.steps
        self.tensors = {name: np.asarray(value, np.float64) for name, value in tensors.items()}

    def graph(self) -> VitGraph:
        """Build the graph."""
        config, size = self.config, self.config.geometry
        zeros = np.zeros(size.dim)
        patch = self.linear(
            "patch_embed", self.tensors["patch_embed.weight"], zeros, self.steps["pixel"], self.steps["residual"],
            RESIDUAL_BITS,
        )  # fmt: skip
        return VitGraph(
            name=config.name,
            geometry=size,
            formats=self.formats(),
            norm_kind=config.norm,
            over=config.over,
            patch=patch,
            pos=_codes(self.tensors["pos_embed"] / self.steps["residual"]),
            blocks=tuple(self.block(layer) for layer in range(size.layers)),
            norm=self.norm("norm"),
            heads=tuple(self.head(task) for task in range(len(config.tasks))),
        )

    def formats(self) -> Formats:
        """Give widths and steps."""
        steps = self.steps
        epsilon = round(self.config.geometry.dim * self.config.epsilon / steps["residual"] ** 2)
        if epsilon > EPSILON_MAX:
            raise ModelError(f"{self.config.name}: epsilon must be at most 2**30 in steps, not {epsilon}")
        return Formats(
            pixel_step=steps["pixel"],
            residual_step=steps["residual"],
            norm_step=steps["norm"],
            score_fraction=_fraction(steps["score"]),
            gate_fraction=_fraction(steps["gate"]),
            gelu_in_fraction=_fraction(steps["gelu_in"]),
            gelu_out_fraction=_fraction(steps["gelu_out"]),
            epsilon=epsilon,
            **self.config.widths,
        )

    def block(self, layer: int) -> Block:
        """Build a layer of the transformer."""
        at, steps = f"blocks.{layer}", self.config.block_steps[layer]
        size, widths = self.config.geometry, self.formats()
        ends = np.repeat([steps["q"], steps["k"], steps["v"]], size.dim)
        score = steps["q"] * steps["k"] * size.head_dim**-0.5 / self.steps["score"]
        out = steps["v"] * 2.0**-widths.probability_bits / steps["attention"]
        attention = Attention(
            self.named(f"{at}.attn.qkv", self.steps["norm"], ends, 8),
            self.named(f"{at}.attn.proj", steps["attention"], self.steps["residual"], RESIDUAL_BITS),
            Rescale(*rescale(score, f"{at} scores")),
            Rescale(*rescale(out, f"{at} attention")),
        )
        mlp = self.moe(f"{at}.moe") if size.has_experts(layer) else self.mlp(f"{at}.mlp")
        return Block(self.norm(f"{at}.norm1"), attention, self.norm(f"{at}.norm2"), mlp)

    def mlp(self, name: str, expert: int | None = None) -> Mlp:
        """Build a dense MLP or an expert."""
        steps = self.steps
        return Mlp(
            self.named(f"{name}.fc1", steps["norm"], steps["gelu_in"], 8, expert),
            self.named(f"{name}.fc2", steps["gelu_out"], steps["residual"], RESIDUAL_BITS, expert),
        )

    def moe(self, name: str) -> Moe:
        """Build gates and experts."""
        gates, scales = [], []
        for weights in self.tensors[f"{name}.gate.weight"]:
            codes, step = int8_matrix(weights)
            gates.append(codes)
            scales.append(Rescale(*rescale(step * self.steps["norm"] / self.steps["gate"], f"{name}.gate")))
        experts = tuple(self.mlp(name, expert) for expert in range(self.config.geometry.experts))
        return Moe(np.array(gates, np.int8), tuple(scales), experts)

    def norm(self, name: str) -> Norm:
        """Build gains and biases, whose unit is a step of the result."""
        unit = self.steps["norm"] * 2.0 ** -self.formats().gain_fraction
        bias = None if self.config.norm == "rms" else _codes(self.tensors[f"{name}.bias"] / unit)
        return Norm(_codes(self.tensors[f"{name}.weight"] / unit), bias)

    def head(self, task: int) -> Head:
        """Build a head."""
        name, classes = self.config.tasks[task]
        weights = self.tensors[f"heads.{task}.weight"]
        codes, step = ternary_matrix(weights) if self.config.weights == "ternary" else int8_matrix(weights)
        unit = step * self.steps["norm"]
        return Head(name, classes, codes, _codes(self.tensors[f"heads.{task}.bias"] / unit), unit)

    def named(self, name: str, start: float, end: Any, bits: int, expert: int | None = None) -> Linear:
        """Build the layer of tensors ``name.weight`` and ``name.bias``, or of one expert's part of them."""
        weights, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        if expert is not None:
            name, weights, bias = f"{name}[{expert}]", weights[expert], bias[expert]
        return self.linear(name, weights, bias, start, end, bits)

    def linear(
        self, name: str, weights: NDArray[np.float64], bias: NDArray[np.float64], start: float, end: Any, bits: int
    ) -> Linear:
        """Build a layer from real weights, with inputs of step ``start`` and outputs of steps ``end``."""
        if self.config.weights == "ternary":
            codes, step = ternary_matrix(weights)
            units = np.full(len(weights), step * start)
        else:
            codes, steps = int8_channels(weights)
            units = steps * start
        pairs = [rescale(float(ratio), name) for ratio in units / np.broadcast_to(end, units.shape)]
        multiplier, shift = np.array(pairs, np.int64).T
        return Linear(name, codes, _codes(bias / units), multiplier, shift, bits)


def int8_channels(weights: NDArray[np.float64]) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Round each row by its largest magnitude; give codes and steps."""
    steps = _positive(np.abs(weights).max(axis=1)) / 127
    return np.rint(weights / steps[:, np.newaxis]).astype(np.int8), steps


def int8_matrix(weights: NDArray[np.float64]) -> tuple[NDArray[np.int8], float]:
    """Round a matrix by its largest magnitude; give codes and the step."""
    step = float(_positive(np.abs(weights).max()) / 127)
    return np.rint(weights / step).astype(np.int8), step


def ternary_matrix(weights: NDArray[np.float64]) -> tuple[NDArray[np.int8], float]:
    """Round a matrix to -1, 0 and 1 times its mean magnitude; give codes and the step."""
    step = float(_positive(np.abs(weights).mean()))
    return np.clip(np.rint(weights / step), -1, 1).astype(np.int8), step


def _positive(scale: Any) -> NDArray[np.float64]:
    """Give 1 in place of 0: any step serves weights that are all zero."""
    return np.where(scale > 0, scale, 1.0)


def _codes(value: NDArray[np.float64]) -> Ints:
    # What does not even fit 63 bits must reach the check of its range unharmed.
    return np.rint(np.clip(value, -(2.0**62), 2.0**62)).astype(np.int64)


def _fraction(step: float) -> int:
    return 1 - frexp(step)[1]
