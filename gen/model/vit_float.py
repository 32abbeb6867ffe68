# SPDX-License-Identifier: BSD-2-Clause
"""The vision transformer in real numbers: the model file taken at its word, nothing rounded. For accuracy only."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewright.gen.model.import_vit import Tensors
from gatewright.gen.model.vit_config import VitConfig

Reals = NDArray[np.float64]

_erf = np.vectorize(math.erf, otypes=[np.float64])


def float_logits(config: VitConfig, tensors: Tensors, images: ArrayLike, task: int = 0, batch: int = 64) -> Reals:
    """Give real logits ``(images, classes)`` for pixel codes ``(images, [channels,] height, width)``."""
    size = config.geometry
    pixels = np.asarray(images, np.float64).reshape(-1, size.channels, size.height, size.width) * config.steps["pixel"]
    model = _Model(config, {name: np.asarray(value, np.float64) for name, value in tensors.items()}, task)
    return np.concatenate([model.logits(pixels[at : at + batch]) for at in range(0, max(len(pixels), 1), batch)])


class _Model:
    def __init__(self, config: VitConfig, tensors: dict[str, Reals], task: int) -> None:
        self.config, self.tensors, self.task = config, tensors, task

    def logits(self, pixels: Reals) -> Reals:
        size = self.config.geometry
        x = np.repeat(self.tensors["pos_embed"][np.newaxis], len(pixels), axis=0)
        for row in range(size.rows):
            for column in range(size.columns):
                down, right = row * size.patch, column * size.patch
                patch = pixels[:, :, down : down + size.patch, right : right + size.patch].reshape(len(pixels), -1)
                x[:, 1 + row * size.columns + column] += patch @ self.tensors["patch_embed.weight"].T
        for layer in range(size.layers):
            at = f"blocks.{layer}"
            x = x + self.attention(f"{at}.attn", self.norm(f"{at}.norm1", x))
            y = self.norm(f"{at}.norm2", x)
            x = x + (self.moe(f"{at}.moe", y) if size.has_experts(layer) else self.mlp(f"{at}.mlp", y))
        return self.linear(f"heads.{self.task}", self.norm("norm", x[:, 0]))

    def linear(self, name: str, x: Reals) -> Reals:
        return x @ self.tensors[f"{name}.weight"].T + self.tensors[f"{name}.bias"]

    def norm(self, name: str, x: Reals) -> Reals:
        gain = self.tensors[f"{name}.weight"]
        if self.config.norm == "rms":
            return gain * x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + self.config.epsilon)
        centred = x - x.mean(axis=-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self.config.epsilon)
        return gain * centred / deviation + self.tensors[f"{name}.bias"]

    def attention(self, name: str, y: Reals) -> Reals:
        size, parts = self.config.geometry, []
        q, k, v = np.split(self.linear(f"{name}.qkv", y), 3, axis=-1)
        for head in range(size.heads):
            part = slice(head * size.head_dim, (head + 1) * size.head_dim)
            score = q[..., part] @ k[..., part].swapaxes(-1, -2) / math.sqrt(size.head_dim)
            parts.append(softmax(score) @ v[..., part])
        return self.linear(f"{name}.proj", np.concatenate(parts, axis=-1))

    def mlp(self, name: str, y: Reals) -> Reals:
        return self.linear(f"{name}.fc2", gelu(self.linear(f"{name}.fc1", y)))

    def moe(self, name: str, y: Reals) -> Reals:
        size = self.config.geometry
        score = y @ self.tensors[f"{name}.gate.weight"][self.task].T
        place = np.argsort(np.argsort(-score, axis=-1, kind="stable"), axis=-1)
        chosen = place < size.top_k
        weight = softmax(score) * chosen
        if self.config.over == "chosen":
            weight /= weight.sum(axis=-1, keepdims=True)
        result = np.zeros_like(y)
        for expert in range(size.experts):
            first, second = (
                [self.tensors[f"{name}.{layer}.{part}"][expert] for part in ("weight", "bias")]
                for layer in ("fc1", "fc2")
            )
            rows = chosen[..., expert]
            hidden = gelu(y[rows] @ first[0].T + first[1])
            result[rows] += weight[..., expert][rows][:, np.newaxis] * (hidden @ second[0].T + second[1])
        return result


def gelu(x: Reals) -> Reals:
    """Give ``x * Phi(x)``."""
    half: Reals = x * 0.5
    return half * (1 + _erf(x / math.sqrt(2)))


def softmax(score: Reals) -> Reals:
    """Give probabilities along the last axis."""
    e: Reals = np.exp(score - score.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
