# SPDX-License-Identifier: BSD-2-Clause
"""The language model once more, token by token in Python's integers, with the goldens of the rooms themselves."""

import numpy as np

from gatewright.gen.model.lm_graph import Attention
from gatewright.hw.nonlinear.activation.golden import golden as activation
from gatewright.hw.nonlinear.gated.golden import golden as gated
from gatewright.hw.nonlinear.norm.golden import golden as norm
from gatewright.hw.nonlinear.softmax.golden import golden as softmax
from gatewright.hw.quantise.dequantise.config import DequantiseConfig
from gatewright.hw.quantise.dequantise.golden import golden as dequantise


def sat(value, bits):
    return max(-(1 << (bits - 1)), min((1 << (bits - 1)) - 1, value))


def rq(acc, scale, bits):
    return sat((int(acc) * scale.multiplier + (1 << (scale.shift - 1))) >> scale.shift, bits)


def column(row):
    return np.array(row, np.int64)[:, np.newaxis]


def ends(row):
    return (np.arange(len(row)) == len(row) - 1).astype(np.int64)


def norm_row(config, gain, row):
    """Give a normalised row, and its scale or None."""
    found = norm(config, {"i": {"x": column(row), "last": ends(row)}, "i_weight": {"weight": column(gain)}})["o"]
    return found["q"].ravel().tolist(), int(found["scale"][0]) if "scale" in found else None


def linear(layer, rows):
    x, scale = rows
    sums = [sum(int(w) * v for w, v in zip(weights, x, strict=True)) for weights in layer.weights]
    if scale is None:
        return [rq(value, layer.scale, layer.out_bits) for value in sums]
    room = DequantiseConfig(
        lanes=1, scale_bits=40, shift_min=layer.scale.shift, out_bits=layer.out_bits, rounding="half_up"
    )
    fill = np.ones(len(sums), np.int64)
    beats = {
        "acc": column(sums),
        "scale": fill * scale,
        "multiplier": fill * layer.scale.multiplier,
        "last": ends(sums),
    }
    return dequantise(room, {"i": beats})["o"]["y"].ravel().tolist()


def gate_row(config, g, u):
    return gated(config, {"i": {"g": column(g), "u": column(u), "last": ends(g)}})["o"]["h"].ravel().tolist()


def function_row(config, row):
    return activation(config, {"i": {"x": column(row), "last": ends(row)}})["o"]["y"].ravel().tolist()


def rotate(graph, row, position):
    half, result = graph.geometry.head_dim // 2, list(row)
    right = 14 + graph.formats.rope_shift
    for start in range(0, len(row), 2 * half):
        for i in range(half):
            angle = position * graph.rope_base ** (-2 * i / (2 * half))
            c, s = (round(float(part(angle)) * 16384) for part in (np.cos, np.sin))
            a, b = row[start + i], row[start + half + i]
            result[start + i] = sat((a * c - b * s + (1 << (right - 1))) >> right, 8)
            result[start + half + i] = sat((a * s + b * c + (1 << (right - 1))) >> right, 8)
    return result


class Slow:
    """A model and what it remembers."""

    def __init__(self, graph):
        self.graph, self.blocks, self.position = graph, list(graph.blocks), 0
        self.keys = [[] for _ in self.blocks]
        self.values = [[] for _ in self.blocks]
        self.hidden = [[0] * graph.geometry.dim for _ in self.blocks]

    def step(self, token):
        graph = self.graph
        x = [int(value) << graph.formats.embed_shift for value in graph.embed[token]]
        for layer, block in enumerate(self.blocks):
            y = norm_row(graph.norm_config, block.norm1, x)
            mix = self.attend if isinstance(block.mixer, Attention) else self.recur
            mixed = norm_row(graph.mixer_norm_config, block.mixer.sub_norm, mix(layer, block.mixer, y))
            x = [sat(a + b, 16) for a, b in zip(x, linear(block.mixer.o, mixed), strict=True)]
            y = norm_row(graph.norm_config, block.norm2, x)
            z = gate_row(graph.gated_config, linear(block.mlp.gate, y), linear(block.mlp.up, y))
            y = norm_row(graph.ffn_norm_config, block.mlp.sub_norm, z)
            x = [sat(a + b, 16) for a, b in zip(x, linear(block.mlp.down, y), strict=True)]
        self.position += 1
        y, _ = norm_row(graph.last_norm_config, graph.norm, x)
        return [sum(int(w) * v for w, v in zip(weights, y, strict=True)) for weights in graph.head]

    def attend(self, layer, mixer, y):
        size, form = self.graph.geometry, self.graph.formats
        q = rotate(self.graph, linear(mixer.q, y), self.position)
        self.keys[layer].append(rotate(self.graph, linear(mixer.k, y), self.position))
        self.values[layer].append(linear(mixer.v, y))
        result = []
        for head in range(size.heads):
            at = head // (size.heads // size.kv_heads) * size.head_dim
            query = q[head * size.head_dim :][: size.head_dim]
            sums = [sum(a * b for a, b in zip(query, key[at:], strict=False)) for key in self.keys[layer]]
            scores = [rq(total, mixer.score, form.score_bits) for total in sums]
            # The room sees the whole cache, and a limit.
            fill = [2047] * (size.context - len(scores))
            row = column(scores + fill)
            beats = {"score": row, "limit": np.full(len(row), len(scores)), "last": ends(row)}
            p = softmax(self.graph.softmax_config, {"i": beats})["o"]["p"].ravel().tolist()
            for c in range(size.head_dim):
                total = sum(p[t] * value[at + c] for t, value in enumerate(self.values[layer]))
                result.append(rq(total, mixer.out, 16))
        return result

    def recur(self, layer, mixer, y):
        graph, h = self.graph, self.hidden[layer]
        forget = function_row(graph.forget_config, linear(mixer.f, y))
        candidate = function_row(graph.candidate_config, linear(mixer.i, y))
        for i, (code, c) in enumerate(zip(forget, candidate, strict=True)):
            bound = int(mixer.bound[i])
            f = bound + (((4096 - bound) * code + 2048) >> 12)
            h[i] = sat((f * h[i] + (4096 - f) * (c << graph.formats.state_shift) + 2048) >> 12, 16)
        u, _ = norm_row(graph.state_norm_config, mixer.state_norm, h)
        return gate_row(graph.state_gate_config, linear(mixer.g, y), u)
