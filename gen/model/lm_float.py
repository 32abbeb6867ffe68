# SPDX-License-Identifier: BSD-2-Clause
"""The language model in real numbers: matrices in trits times their steps, and nothing else rounded.

For accuracy, and for steps that fit a model whose activations nobody has bounded.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewright.gen.model.import_lm import BOUNDS, EMBED, HEAD, LAST, Quantiser
from gatewright.gen.model.lm_config import LmConfig
from gatewright.gen.model.lm_guess import middle_step, score_step
from gatewright.gen.model.lm_tensors import Reader, Tensors
from gatewright.gen.model.vit_float import softmax

Reals = NDArray[np.float64]
Peaks = dict[str, float]


def float_logits(config: LmConfig, tensors: Tensors, tokens: ArrayLike, peaks: Peaks | None = None) -> Reals:
    """Give real logits ``(tokens, vocab)``, and by place the largest magnitudes seen, if ``peaks`` is given."""
    return _Model(config, tensors, {} if peaks is None else peaks).logits(np.asarray(tokens))


def float_bits_per_byte(config: LmConfig, tensors: Tensors, text: ArrayLike) -> float:
    """Score tokens as `lm_text.bits_per_byte` does."""
    tokens, context, total = np.asarray(text), config.geometry.context, 0.0
    for start in range(0, len(tokens) - 1, context):
        wanted = tokens[start + 1 : start + 1 + context]
        logits = float_logits(config, tensors, tokens[start : start + len(wanted)])
        share = softmax(logits)[np.arange(len(wanted)), wanted]
        total -= float(np.log2(share).sum())
    return total / (len(tokens) - 1)


def calibrated(config: LmConfig, tensors: Tensors, texts: Sequence[ArrayLike], margin: float = 1.25) -> LmConfig:
    """Give the configuration steps that hold what texts show, and ``margin`` times as much.

    Steps that must be powers of two are; embeddings keep theirs unless the residual stream asks for more.
    """
    peaks: Peaks = {}
    for text in texts:
        float_logits(config, tensors, text, peaks)
    form = Quantiser(config, tensors).formats

    def step(place: str, bits: int) -> float:
        return margin * peaks[place] / ((1 << (bits - 1)) - 1) or 1.0

    def power(value: float) -> float:
        return float(2.0 ** math.ceil(math.log2(value)))

    steps = dict(config.steps)
    steps["gate"] = min(power(step("gate", form.gate_bits)), 1.0)
    steps["residual"] = power(step("residual", 16))
    steps["embed"] = steps["residual"] * 2.0 ** min(
        max(math.ceil(math.log2(step("embed", 8) / steps["residual"])), 0), 8
    )
    for place in ("norm", "mixer_norm", "ffn_norm"):
        steps[place] = power(step(place, 8))
    steps["middle"] = middle_step(config.gate, steps["gate"], form)
    if "state" in steps:
        steps["state"] = steps["middle"] * 2.0**-form.state_shift
    blocks = []
    for layer, old in enumerate(config.block_steps):
        bits = {name: form.up_bits if name == "up" else 8 for name in old}
        blocks.append({name: step(f"{layer}.{name}", bits[name]) for name in old})
    if "score" in steps:
        steps["score"] = score_step(step("score", form.score_bits), blocks, config.geometry.head_dim)
    return replace(config, steps=steps, block_steps=tuple(blocks))


class _Model:
    def __init__(self, config: LmConfig, tensors: Tensors, peaks: Peaks) -> None:
        self.config, self.peaks = config, peaks
        self.parts = Reader(config, tensors)

    def seen(self, place: str, x: Reals) -> Reals:
        self.peaks[place] = max(self.peaks.get(place, 0.0), float(np.abs(x).max()))
        return x

    def logits(self, tokens: NDArray[np.int64]) -> Reals:
        config, size = self.config, self.config.geometry
        embed = self.parts.reals(EMBED)
        x = self.seen("residual", self.seen("embed", embed[tokens]))
        for layer in range(size.layers):
            at = f"model.layers.{layer}"
            y = self.norm(f"{at}.input_layernorm", x)
            x = x + (self.attention if size.family == "transformer" else self.mlgru)(layer, y)
            self.seen("residual", x)
            x = self.seen("residual", x + self.mlp(layer, self.norm(f"{at}.post_attention_layernorm", x)))
        y = self.norm(LAST.removesuffix(".weight"), x)
        if config.head == "untied":
            return self.linear(HEAD.removesuffix(".weight"), y)
        return y @ (embed if config.head == "tied" else self.parts.reals(HEAD)).T

    def linear(self, name: str, x: Reals) -> Reals:
        name = f"{name}.weight"
        outputs, inputs = self.parts.tensors[name].shape
        trits = self.parts.matrix(name, (outputs, inputs))
        return x @ trits.codes.T.astype(np.float64) * trits.step

    def norm(self, name: str, x: Reals) -> Reals:
        unit = x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + self.config.epsilon)
        places = {"attn_sub_norm": "mixer_norm", "o_sub_norm": "mixer_norm", "ffn_sub_norm": "ffn_norm"}
        return self.seen(
            places.get(name.rsplit(".", maxsplit=1)[-1], "norm"), self.parts.reals(f"{name}.weight") * unit
        )

    def attention(self, layer: int, y: Reals) -> Reals:
        size, at, count = self.config.geometry, f"model.layers.{layer}.self_attn", len(y)
        turns = self.config.rope_base ** (-np.arange(0, size.head_dim, 2) / size.head_dim)
        angle = (np.arange(count)[:, np.newaxis] * turns)[:, np.newaxis]
        cos, sin, half = np.cos(angle), np.sin(angle), size.head_dim // 2

        def heads(name: str, turn: bool) -> Reals:
            x = self.linear(f"{at}.{name}_proj", y).reshape(count, -1, size.head_dim)
            if turn:
                a, b = x[..., :half], x[..., half:]
                x = np.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)
            x = self.seen(f"{layer}.{name}", x).swapaxes(0, 1)
            return x.repeat(size.heads // len(x), axis=0)

        q, k, v = heads("q", True), heads("k", True), heads("v", False)
        score = q @ k.swapaxes(-1, -2) * size.head_dim**-0.5
        later = np.triu(np.ones((count, count), bool), 1)
        self.seen("score", np.where(later, 0, score))
        out = (softmax(np.where(later, -np.inf, score)) @ v).swapaxes(0, 1).reshape(count, -1)
        return self.linear(f"{at}.o_proj", self.norm(f"{at}.attn_sub_norm", out))

    def mlgru(self, layer: int, y: Reals) -> Reals:
        size, at = self.config.geometry, f"model.layers.{layer}.attn"
        share = softmax(self.parts.reals(BOUNDS).T).T
        bound = (share.cumsum(axis=0) - share[0])[layer]
        pre = {name: self.seen("gate", self.linear(f"{at}.{name}_proj", y)) for name in "fig"}
        f = bound + (1 - bound) * sigmoid(pre["f"])
        add, h, hidden = (1 - f) * silu(pre["i"]), np.zeros(size.dim), np.empty_like(f)
        for token in range(len(y)):
            hidden[token] = h = f[token] * h + add[token]
        z = silu(pre["g"]) * self.norm(f"{at}.g_norm", hidden)
        return self.linear(f"{at}.o_proj", self.norm(f"{at}.o_sub_norm", z))

    def mlp(self, layer: int, y: Reals) -> Reals:
        at = f"model.layers.{layer}.mlp"
        g = self.seen("gate", self.linear(f"{at}.gate_proj", y))
        u = self.seen(f"{layer}.up", self.linear(f"{at}.up_proj", y))
        f = (np.maximum(g, 0) ** 2 if self.config.gate == "relu2" else silu(g)) * u
        return self.linear(f"{at}.down_proj", self.norm(f"{at}.ffn_sub_norm", f))


def sigmoid(x: Reals) -> Reals:
    """Give the logistic function."""
    return 1 / (1 + np.exp(-x))


def silu(x: Reals) -> Reals:
    """Give ``x * sigmoid(x)``."""
    return x * sigmoid(x)
