# SPDX-License-Identifier: BSD-2-Clause
"""The MoE vision transformer in PyTorch, in float and with the integer graph's roundings (straight-through).

Parameters bear the names and shapes of the tensors in the model file. Experts are all computed, and those
that the gate leaves out count 0: at these sizes that is faster than gathering.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

Steps = dict[str, Any]


@dataclass
class Quantiser:
    """What the model asks at every place where the integer graph rounds.

    Attributes
    ----------
    steps : dict or None
        Real values of steps, as in the model file; None leaves numbers as they are.
    weights : str
        int8 or ternary.
    seen : dict
        Magnitudes by place, while ``watch`` is true.
    """

    steps: Steps | None = None
    weights: str = "int8"
    watch: bool = False
    seen: dict[str, list[Tensor]] = field(default_factory=dict)

    def activation(self, x: Tensor, place: str, block: int | None = None, bits: int = 8) -> Tensor:
        """Round to ``bits``, two's complement."""
        if self.watch:
            name = place if block is None else f"{place}.{block}"
            self.seen.setdefault(name, []).append(x.detach().abs().flatten()[:: max(x.numel() // 20000, 1)])
        if self.steps is None:
            return x
        step = self.steps[place] if block is None else self.steps["blocks"][block][place]
        return rounded(x / step, -(1 << (bits - 1)), (1 << (bits - 1)) - 1) * step

    def probability(self, p: Tensor) -> Tensor:
        """Round attention's probabilities to 8 bits, unsigned."""
        return p if self.steps is None else rounded(p * 256, 0, 255) / 256

    def weight(self, w: Tensor, kind: str = "layer") -> Tensor:
        """Round weights as ``weights`` says; those of a ``head`` share one step, as do a ``gate``'s, int8 always."""
        if self.steps is None:
            return w
        if kind != "gate" and self.weights == "ternary":
            scale = w.detach().abs().mean(dim=(-2, -1), keepdim=True).clamp(min=1e-8)
            return rounded(w / scale, -1, 1) * scale
        axes = (-1,) if kind == "layer" else (-2, -1)
        scale = w.detach().abs().amax(dim=axes, keepdim=True).clamp(min=1e-8) / 127
        return rounded(w / scale, -127, 127) * scale


def rounded(x: Tensor, low: int, high: int) -> Tensor:
    """Round and clamp; the slope is 1 within the range and 0 outside."""
    x = x.clamp(low, high)
    return x + (x.round() - x).detach()


class Linear(nn.Module):
    """Weights and bias, by name."""

    def __init__(self, shape: tuple[int, ...], bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(shape) * shape[-1] ** -0.5)
        if bias:
            self.bias = nn.Parameter(torch.zeros(shape[:-1]))


class Attention(nn.Module):
    """Multi-head, bidirectional."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = Linear((3 * dim, dim))
        self.proj = Linear((dim, dim))

    def forward(self, y: Tensor, quantiser: Quantiser, block: int) -> Tensor:
        """Map ``(images, tokens, dim)`` to the same shape."""
        n, tokens, dim = y.shape
        qkv = functional.linear(y, quantiser.weight(self.qkv.weight), self.qkv.bias)
        parts = qkv.view(n, tokens, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = (quantiser.activation(part, name, block) for part, name in zip(parts, "qkv", strict=True))
        score = quantiser.activation(q @ k.transpose(-1, -2) * (dim // self.heads) ** -0.5, "score")
        out = quantiser.probability(score.softmax(dim=-1)) @ v
        out = quantiser.activation(out.transpose(1, 2).reshape(n, tokens, dim), "attention", block)
        return functional.linear(out, quantiser.weight(self.proj.weight), self.proj.bias)


class Mlp(nn.Module):
    """Dense layer pair."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = Linear((hidden, dim))
        self.fc2 = Linear((dim, hidden))

    def forward(self, y: Tensor, quantiser: Quantiser) -> Tensor:
        """Map ``(images, tokens, dim)`` to the same shape."""
        h = functional.linear(y, quantiser.weight(self.fc1.weight), self.fc1.bias)
        h = quantiser.activation(functional.gelu(quantiser.activation(h, "gelu_in")), "gelu_out")
        return functional.linear(h, quantiser.weight(self.fc2.weight), self.fc2.bias)


class Moe(nn.Module):
    """Experts, and a gate for each task."""

    def __init__(self, dim: int, hidden: int, experts: int, top_k: int, tasks: int, over: str) -> None:
        super().__init__()
        self.top_k, self.over = top_k, over
        self.gate = Linear((tasks, experts, dim), bias=False)
        self.fc1 = Linear((experts, hidden, dim))
        self.fc2 = Linear((experts, dim, hidden))

    def forward(self, y: Tensor, task: int, quantiser: Quantiser) -> tuple[Tensor, Tensor]:
        """Map ``(images, tokens, dim)`` to the same shape; give the loss of uneven use as well."""
        experts, hidden, dim = self.fc1.weight.shape
        score = quantiser.activation(
            functional.linear(y, quantiser.weight(self.gate.weight[task], "gate")), "gate", bits=10
        )
        p = score.softmax(dim=-1)
        chosen = torch.zeros_like(p).scatter(-1, p.topk(self.top_k).indices, 1.0)
        balance = experts * (chosen.mean(dim=(0, 1)) / self.top_k * p.mean(dim=(0, 1))).sum()
        weight = p * chosen
        if self.over == "chosen":
            weight = weight / weight.sum(dim=-1, keepdim=True)
        w1 = quantiser.weight(self.fc1.weight).reshape(experts * hidden, dim)
        h = functional.linear(y, w1, self.fc1.bias.flatten())
        h = quantiser.activation(functional.gelu(quantiser.activation(h, "gelu_in")), "gelu_out")
        h = (h.unflatten(-1, (experts, hidden)) * weight.unsqueeze(-1)).flatten(-2)
        w2 = quantiser.weight(self.fc2.weight).permute(1, 0, 2).reshape(dim, experts * hidden)
        return functional.linear(h, w2) + weight @ self.fc2.bias, balance


class Block(nn.Module):
    """Attention, then a dense MLP in even layers and experts in odd ones."""

    def __init__(self, index: int, geometry: dict[str, int], tasks: int, over: str) -> None:
        super().__init__()
        dim = geometry["dim"]
        self.index = index
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = Attention(dim, geometry["heads"])
        if index % 2:
            self.moe = Moe(dim, geometry["expert_ff"], geometry["experts"], geometry["top_k"], tasks, over)
        else:
            self.mlp = Mlp(dim, geometry["ff"])

    def forward(self, x: Tensor, task: int, quantiser: Quantiser) -> tuple[Tensor, Tensor]:
        """Add both parts to the residual stream."""
        x = x + self.attn(quantiser.activation(self.norm1(x), "norm"), quantiser, self.index)
        y = quantiser.activation(self.norm2(x), "norm")
        if self.index % 2:
            change, balance = self.moe(y, task, quantiser)
            return x + change, balance
        return x + self.mlp(y, quantiser), x.new_zeros(())


class MoeVit(nn.Module):
    """Pixels in, logits of one task out."""

    def __init__(self, geometry: dict[str, int], classes: list[int], over: str = "all") -> None:
        super().__init__()
        self.patch, dim = geometry["patch"], geometry["dim"]
        pixels = geometry["channels"] * self.patch**2
        tokens = 1 + geometry["height"] * geometry["width"] // self.patch**2
        self.patch_embed = Linear((dim, pixels), bias=False)
        self.pos_embed = nn.Parameter(torch.randn(tokens, dim) * 0.5)
        self.blocks = nn.ModuleList(Block(i, geometry, len(classes), over) for i in range(geometry["layers"]))
        self.norm = nn.LayerNorm(dim)
        self.heads = nn.ModuleList(Linear((count, dim)) for count in classes)

    def forward(self, images: Tensor, task: int, quantiser: Quantiser) -> tuple[Tensor, Tensor]:
        """Map images ``(n, channels, height, width)`` to logits and the loss of uneven use."""
        patches = functional.unfold(images, self.patch, stride=self.patch).transpose(1, 2)
        x = functional.linear(patches, quantiser.weight(self.patch_embed.weight))
        x = functional.pad(x, (0, 0, 1, 0)) + self.pos_embed  # token 0 is the class token
        balance = x.new_zeros(())
        for block in self.blocks:
            x, part = block(x, task, quantiser)
            balance = balance + part
        if quantiser.watch:
            quantiser.activation(x, "residual")
        y = quantiser.activation(self.norm(x[:, 0]), "norm")
        head = self.heads[task]
        return functional.linear(y, quantiser.weight(head.weight, "head"), head.bias), balance


