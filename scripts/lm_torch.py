# SPDX-License-Identifier: BSD-2-Clause
"""The byte language models in PyTorch, in float and with the integer graph's roundings (straight-through).

Parameters bear the names and shapes of the tensors in the model file.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

Shape = dict[str, Any]
EPSILON = 1e-5


@dataclass
class Quantiser:
    """What the model asks at every place where the integer graph rounds; without steps it leaves numbers as they are.

    Attributes
    ----------
    steps : dict or None
        Real values of steps: embed, norm, mixer_norm, ffn_norm, qkv, gate, up.
    """

    steps: dict[str, float] | None = None

    def code(self, x: Tensor, place: str, bits: int = 8) -> Tensor:
        """Round to ``bits``, two's complement."""
        if self.steps is None:
            return x
        return Rounded.apply(x, self.steps[place], bits)

    def trits(self, w: Tensor) -> Tensor:
        """Round a matrix to -1, 0 and 1 times its mean magnitude."""
        if self.steps is None:
            return w
        scale = w.abs().mean().detach().clamp(min=1e-8)
        return w + ((w / scale).round().clamp(-1, 1) * scale - w).detach()


class Rounded(torch.autograd.Function):
    """Codes times their step; the slope is 1 within the range and 0 outside. In few passes over memory."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, step: float, bits: int) -> Tensor:
        """Round and clamp, two's complement."""
        most = 1 << (bits - 1)
        ctx.save_for_backward(x)
        ctx.range = -most * step, (most - 1) * step
        return (x * (1 / step)).round_().clamp_(-most, most - 1).mul_(step)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None]:
        """Let through what was in range."""
        (x,) = ctx.saved_tensors
        return torch.ops.aten.hardtanh_backward(slope, x, *ctx.range), None, None


class RmsNorm(torch.autograd.Function):
    """RMSNorm in few passes over memory, which is what counts on one core."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor) -> Tensor:
        """Divide by the root mean square and multiply by the gain."""
        inverse = (torch.linalg.vecdot(x, x).unsqueeze(-1) / x.shape[-1] + EPSILON).rsqrt()
        unit = x * inverse
        ctx.save_for_backward(unit, inverse, gain)
        return unit * gain

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, Tensor]:
        """Take off the part along the row."""
        unit, inverse, gain = ctx.saved_tensors
        product = slope * unit
        along = (product @ gain).unsqueeze(-1) / -gain.shape[0]
        return torch.addcmul(slope * gain, unit, along).mul_(inverse), product.flatten(0, -2).sum(dim=0)


class Matrix(nn.Module):
    """A linear layer without bias, its inputs normalised and rounded before."""

    def __init__(self, outputs: int, inputs: int, gain: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * inputs**-0.5 * gain)

    def forward(self, x: Tensor, quantiser: Quantiser) -> Tensor:
        """Multiply by the rounded weights."""
        return functional.linear(x, quantiser.trits(self.weight))


class Norm(nn.Module):
    """RMSNorm, its results rounded to 8 bits."""

    def __init__(self, dim: int, place: str = "norm") -> None:
        super().__init__()
        self.weight, self.place = nn.Parameter(torch.ones(dim)), place

    def forward(self, x: Tensor, quantiser: Quantiser) -> Tensor:
        """Normalise the last axis."""
        return quantiser.code(RmsNorm.apply(x, self.weight), self.place)


class Attention(nn.Module):
    """Causal, with rotary positions (pairs i, i + head_dim / 2) and fewer heads of keys than of queries."""

    def __init__(self, shape: Shape, base: float) -> None:
        super().__init__()
        dim, self.heads, self.kv_heads, size = (shape[name] for name in ("dim", "heads", "kv_heads", "head_dim"))
        self.q_proj, self.o_proj = Matrix(self.heads * size, dim), Matrix(dim, self.heads * size)
        self.k_proj, self.v_proj = Matrix(self.kv_heads * size, dim), Matrix(self.kv_heads * size, dim)
        self.attn_sub_norm = Norm(self.heads * size, "mixer_norm")
        turns = base ** (-torch.arange(0, size, 2) / size)
        angle = torch.arange(shape["context"])[:, None] * turns
        self.register_buffer("cos", angle.cos().repeat(1, 2), persistent=False)
        self.register_buffer("sin", torch.cat([-angle.sin(), angle.sin()], dim=1), persistent=False)

    def forward(self, y: Tensor, quantiser: Quantiser) -> Tensor:
        """Map ``(texts, tokens, dim)`` to the same shape."""
        n, tokens, _ = y.shape
        q, k, v = (
            part(y, quantiser).view(n, tokens, heads, -1).transpose(1, 2)
            for part, heads in ((self.q_proj, self.heads), (self.k_proj, self.kv_heads), (self.v_proj, self.kv_heads))
        )
        q, k = (quantiser.code(self.turned(part, tokens), "qkv") for part in (q, k))
        v = quantiser.code(v, "qkv")
        share = self.heads // self.kv_heads
        k, v = (part.repeat_interleave(share, dim=1) for part in (k, v))
        out = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o_proj(self.attn_sub_norm(out.transpose(1, 2).reshape(n, tokens, -1), quantiser), quantiser)

    def turned(self, x: Tensor, tokens: int) -> Tensor:
        """Turn pairs by their positions' angles."""
        half = x.shape[-1] // 2
        swapped = torch.cat([x[..., half:], x[..., :half]], dim=-1)
        return x * self.cos[:tokens] + swapped * self.sin[:tokens]


class Mlgru(nn.Module):
    """The linear recurrence of the MatMul-free language model."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        dim = shape["dim"]
        self.i_proj, self.f_proj, self.g_proj, self.o_proj = (Matrix(dim, dim) for _ in range(4))
        self.g_norm, self.o_sub_norm = Norm(dim), Norm(dim, "mixer_norm")

    def forward(self, y: Tensor, bound: Tensor, quantiser: Quantiser) -> Tensor:
        """Map ``(texts, tokens, dim)`` to the same shape; ``bound (dim,)`` is the least forget gate."""
        forget, candidate, gate = (
            quantiser.code(part(y, quantiser), "gate", 10) for part in (self.f_proj, self.i_proj, self.g_proj)
        )
        f = bound + (1 - bound) * forget.sigmoid()
        h = scan(f, (1 - f) * functional.silu(candidate))
        z = functional.silu(gate) * self.g_norm(h, quantiser)
        return self.o_proj(self.o_sub_norm(z, quantiser), quantiser)


def scan(f: Tensor, add: Tensor) -> Tensor:
    """Give ``h[t] = f[t] * h[t - 1] + add[t]`` along axis 1 in log2 steps, each over all tokens."""
    distance = 1
    while distance < f.shape[1]:
        before = functional.pad(add[:, :-distance], (0, 0, distance, 0))
        add = add + f * before
        f = f * functional.pad(f[:, :-distance], (0, 0, distance, 0))
        distance *= 2
    return add


class Mlp(nn.Module):
    """A gated feed-forward part."""

    def __init__(self, dim: int, ff: int, gate: str) -> None:
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj = Matrix(ff, dim), Matrix(ff, dim), Matrix(dim, ff)
        self.ffn_sub_norm, self.gate = Norm(ff, "ffn_norm"), gate

    def forward(self, y: Tensor, quantiser: Quantiser) -> Tensor:
        """Map ``(texts, tokens, dim)`` to the same shape."""
        g, u = quantiser.code(self.gate_proj(y, quantiser), "gate", 10), quantiser.code(
            self.up_proj(y, quantiser), "up", 10
        )  # fmt: skip
        f = (functional.relu(g).square() if self.gate == "relu2" else functional.silu(g)) * u
        return self.down_proj(self.ffn_sub_norm(f, quantiser), quantiser)


class Layer(nn.Module):
    """A mixer of tokens, then the feed-forward part."""

    def __init__(self, family: str, shape: Shape, gate: str, base: float) -> None:
        super().__init__()
        dim = shape["dim"]
        self.input_layernorm, self.post_attention_layernorm = Norm(dim), Norm(dim)
        if family == "mlgru":
            self.attn = Mlgru(shape)
        else:
            self.self_attn = Attention(shape, base)
        self.mlp = Mlp(dim, shape["ff"], gate)

    def forward(self, x: Tensor, bound: Tensor | None, quantiser: Quantiser) -> Tensor:
        """Add both parts to the residual stream."""
        y = self.input_layernorm(x, quantiser)
        x = x + (self.self_attn(y, quantiser) if bound is None else self.attn(y, bound, quantiser))
        return x + self.mlp(self.post_attention_layernorm(x, quantiser), quantiser)


class Body(nn.Module):
    """Everything but the head."""

    def __init__(self, family: str, shape: Shape, gate: str, base: float) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape["vocab"], shape["dim"])
        nn.init.normal_(self.embed_tokens.weight, std=0.5)
        self.layers = nn.ModuleList(Layer(family, shape, gate, base) for _ in range(shape["layers"]))
        self.norm = Norm(shape["dim"])
        if family == "mlgru":
            self.lower_bounds = nn.Parameter(torch.zeros(shape["layers"], shape["dim"]))

    def bounds(self) -> list[Tensor] | list[None]:
        """Give the least forget gate of each layer: none in the first, rising with the layers."""
        if not hasattr(self, "lower_bounds"):
            return [None] * len(self.layers)
        share = self.lower_bounds.softmax(dim=0)
        return list(share.cumsum(dim=0) - share[0])


class LanguageModel(nn.Module):
    """Tokens in, logits of the next ones out."""

    def __init__(self, family: str, shape: Shape, gate: str, base: float) -> None:
        super().__init__()
        self.model = Body(family, shape, gate, base)
        self.lm_head = Matrix(shape["vocab"], shape["dim"], 2.0)

    def forward(self, tokens: Tensor, quantiser: Quantiser) -> Tensor:
        """Map ``(texts, tokens)`` to ``(texts, tokens, vocab)``."""
        x = quantiser.code(self.model.embed_tokens(tokens), "embed")
        for layer, bound in zip(self.model.layers, self.model.bounds(), strict=True):
            x = layer(x, bound, quantiser)
        return self.lm_head(self.model.norm(x, quantiser), quantiser)
