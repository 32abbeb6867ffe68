# SPDX-License-Identifier: BSD-2-Clause
"""The golden MoE vision transformer: the integer graph, run in numpy over many images at once."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from gatewright.gen.model.vit_graph import RESIDUAL_BITS, Attention, Geometry, Linear, Mlp, Moe, Norm, Rescale, VitGraph
from gatewright.gen.model.vit_rows import norm_rows, product, softmax_rows
from gatewright.hw.core.errors import ModelError
from gatewright.hw.core.numerics import Ints, saturate
from gatewright.hw.nonlinear.activation.golden import activation

Record = Callable[[str, Ints], None]


@dataclass(frozen=True)
class Route:
    """Where the tokens of a layer went.

    Attributes
    ----------
    layer : int
        Index of the block.
    experts, weights : (images, tokens, top_k) int64
        Chosen experts, best first, and their weights in units of ``2**-weight_bits``.
    """

    layer: int
    experts: Ints
    weights: Ints

    def count(self, experts: int) -> Ints:
        """Count the tokens of each expert, ``(images, experts)``."""
        return np.stack([(self.experts == expert).sum(axis=(1, 2)) for expert in range(experts)], axis=1)


@dataclass(frozen=True)
class Trace:
    """What a run says.

    Attributes
    ----------
    logits : (images, classes) int64
    routes : tuple of Route
        One for each block with experts.
    stages : dict
        Intermediate results by name, images first; filled if asked for. In order: ``tokens``; for block N
        ``N.norm1``, ``N.qkv``, ``N.score``, ``N.probability``, ``N.attention``, ``N.x1``, ``N.norm2``, ``N.gate``
        in blocks with experts, ``N.x2``; ``norm``.
    """

    logits: Ints
    routes: tuple[Route, ...]
    stages: dict[str, Ints] = field(default_factory=dict)

    @property
    def classes(self) -> Ints:
        """Index of the largest logit of each image; ties go to the lowest."""
        return np.argmax(self.logits, axis=1)


def run(graph: VitGraph, images: ArrayLike, task: int | str = 0, keep: bool = False, batch: int = 64) -> Trace:
    """Run images through the graph.

    Parameters
    ----------
    graph : VitGraph
    images : (images, [channels,] height, width) array of int
        Pixel codes; the axis of channels may be absent if there is one.
    task : int or str
        Index or name: which gates and which head.
    keep : bool
        Fill ``stages``.
    batch : int
        Images to hold in memory at a time.

    Raises
    ------
    ModelError
        The images or the task do not fit.
    """
    pixels, task = checked(graph, images), find_task(graph, task)
    parts = [_run(graph, pixels[start : start + batch], task, keep) for start in range(0, max(len(pixels), 1), batch)]
    routes = tuple(
        Route(found[0].layer, _joined([r.experts for r in found]), _joined([r.weights for r in found]))
        for found in zip(*(part.routes for part in parts), strict=True)
    )
    stages = {name: _joined([part.stages[name] for part in parts]) for name in parts[0].stages}
    return Trace(_joined([part.logits for part in parts]), routes, stages)


def classify(graph: VitGraph, images: ArrayLike, task: int | str = 0) -> Ints:
    """Give the class of each image."""
    return run(graph, images, task).classes


def checked(graph: VitGraph, images: ArrayLike) -> Ints:
    """Bring pixel codes to ``(images, channels, height, width) int64``."""
    size, array = graph.geometry, np.asarray(images)
    if array.dtype.kind not in "iu":
        raise ModelError(f"{graph.name}: pixels must be integers, not {array.dtype}")
    shape = (size.channels, size.height, size.width)
    if size.channels == 1 and array.shape[1:] == shape[1:]:
        array = array[:, np.newaxis]
    if array.shape[1:] != shape:
        raise ModelError(f"{graph.name}: images must have the shape ('images', {str(shape)[1:]}, not {array.shape}")
    high = (1 << graph.formats.pixel_bits) - 1
    wrong = (array < 0) | (array > high)
    if wrong.any():
        raise ModelError(f"{graph.name}: pixels must lie in 0..{high}, not {array[wrong][0]}")
    return array.astype(np.int64)


def find_task(graph: VitGraph, task: int | str) -> int:
    """Give the index of a task."""
    if isinstance(task, str):
        if task not in graph.tasks:
            raise ModelError(f"{graph.name}: task must be one of {', '.join(graph.tasks)}, not {task!r}")
        return graph.tasks.index(task)
    if not 0 <= task < len(graph.heads):
        raise ModelError(f"{graph.name}: task must lie in 0..{len(graph.heads) - 1}, not {task}")
    return task


def patches(size: Geometry, pixels: Ints) -> Ints:
    """Cut images into ``(images, tokens - 1, patch_pixels)``: patches row by row; channel, row, column inside."""
    cut = pixels.reshape(len(pixels), size.channels, size.rows, size.patch, size.columns, size.patch)
    return cut.transpose(0, 2, 4, 1, 3, 5).reshape(len(pixels), size.tokens - 1, size.patch_pixels)


def rescaled(scale: Rescale | Linear, acc: Ints, bits: int) -> Ints:
    """Multiply, shift, round half up, saturate."""
    shift = np.asarray(scale.shift)
    return saturate((acc * scale.multiplier + (np.int64(1) << (shift - 1))) >> shift, bits, True)


def linear(layer: Linear, x: Ints) -> Ints:
    """Run a layer on ``(..., inputs)``."""
    return rescaled(layer, product(x, layer.weights.T) + layer.bias, layer.out_bits)


def _joined(parts: list[Ints]) -> Ints:
    return np.concatenate(parts)


def _run(graph: VitGraph, pixels: Ints, task: int, keep: bool) -> Trace:
    stages: dict[str, Ints] = {}
    routes: list[Route] = []

    def record(name: str, value: Ints) -> None:
        if keep:
            stages[name] = value

    x = np.repeat(graph.pos[np.newaxis], len(pixels), axis=0)
    x[:, 1:] = _added(x[:, 1:], linear(graph.patch, patches(graph.geometry, pixels)))
    record("tokens", x)
    for layer, block in enumerate(graph.blocks):

        def inner(name: str, value: Ints, layer: int = layer) -> None:
            record(f"{layer}.{name}", value)

        y = _norm(graph, block.norm1, x)
        inner("norm1", y)
        x = _added(x, linear(block.attention.proj, _attention(graph, block.attention, y, inner)))
        inner("x1", x)
        y = _norm(graph, block.norm2, x)
        inner("norm2", y)
        if isinstance(block.mlp, Mlp):
            x = _added(x, _mlp(graph, block.mlp, y))
        else:
            score = gate_scores(graph, block.mlp, y, task)
            inner("gate", score)
            routes.append(Route(layer, *choose(graph, score)))
            x = _experts(graph, block.mlp, x, y, routes[-1])
        inner("x2", x)
    y = _norm(graph, graph.norm, x[:, 0])
    record("norm", y)
    head = graph.heads[task]
    return Trace(linear(head.linear, y), tuple(routes), stages)


def _added(x: Ints, change: Ints) -> Ints:
    return saturate(x + change, RESIDUAL_BITS, True)


def _norm(graph: VitGraph, norm: Norm, x: Ints) -> Ints:
    return norm_rows(graph.norm_config, x, norm.gain, norm.bias)


def _attention(graph: VitGraph, attention: Attention, y: Ints, record: Record) -> Ints:
    """Give ``(images, tokens, dim)`` before the last projection."""
    size = graph.geometry
    qkv = linear(attention.qkv, y)
    record("qkv", qkv)
    parts = qkv.reshape(*y.shape[:2], 3, size.heads, size.head_dim).transpose(2, 0, 3, 1, 4)
    q, k, v = parts  # (images, heads, tokens, head_dim) each
    score = rescaled(attention.score, product(q, k.swapaxes(-1, -2)), graph.formats.score_bits)
    record("score", score)
    p = softmax_rows(graph.softmax_config, score)
    record("probability", p)
    out = rescaled(attention.out, product(p, v), 8).swapaxes(1, 2).reshape(y.shape)
    record("attention", out)
    return out


def _mlp(graph: VitGraph, mlp: Mlp, y: Ints) -> Ints:
    return linear(mlp.fc2, activation(graph.gelu_config, linear(mlp.fc1, y)))


def gate_scores(graph: VitGraph, moe: Moe, y: Ints, task: int) -> Ints:
    """Score the experts, ``(..., experts)``."""
    return rescaled(moe.scales[task], product(y, moe.gates[task].T), graph.formats.gate_bits)


def choose(graph: VitGraph, score: Ints) -> tuple[Ints, Ints]:
    """Give the chosen experts, best first, and their weights, both ``(..., top_k)``."""
    best = np.argsort(-score, axis=-1, kind="stable")[..., : graph.geometry.top_k]
    if graph.over == "all":
        return best, np.take_along_axis(softmax_rows(graph.gate_config, score), best, axis=-1)
    return best, softmax_rows(graph.gate_config, np.take_along_axis(score, best, axis=-1))


def _experts(graph: VitGraph, moe: Moe, x: Ints, y: Ints, route: Route) -> Ints:
    """Add the chosen experts' results to ``x``, in ascending id."""
    x, bits = x.copy(), graph.formats.weight_bits
    for expert, mlp in enumerate(moe.experts):
        image, token, place = np.nonzero(route.experts == expert)
        weight = route.weights[image, token, place][:, np.newaxis]
        change = (weight * _mlp(graph, mlp, y[image, token]) + (1 << (bits - 1))) >> bits
        x[image, token] = _added(x[image, token], change)
    return x
