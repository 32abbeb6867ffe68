# SPDX-License-Identifier: BSD-2-Clause
"""The vision transformer once more, token by token in Python's integers, with the goldens of the rooms themselves."""

import numpy as np

from gatewright.gen.model.vit_graph import Mlp
from gatewright.hw.nonlinear.activation.golden import golden as activation
from gatewright.hw.nonlinear.norm.golden import golden as norm
from gatewright.hw.nonlinear.softmax.golden import golden as softmax


def sat(value, bits):
    return max(-(1 << (bits - 1)), min((1 << (bits - 1)) - 1, value))


def rq(acc, multiplier, shift):
    return (int(acc) * int(multiplier) + (1 << (int(shift) - 1))) // (1 << int(shift))


def beats(row):
    return np.array(row, np.int64)[:, np.newaxis], (np.arange(len(row)) == len(row) - 1).astype(np.int64)


def norm_row(graph, part, row):
    x, last = beats(row)
    affine = {"weight": part.gain[:, np.newaxis]}
    if part.bias is not None:
        affine["bias"] = part.bias[:, np.newaxis]
    found = norm(graph.norm_config, {"i": {"x": x, "last": last}, "i_weight": affine})
    return found["o"]["q"].ravel().tolist()


def softmax_row(config, row):
    score, last = beats(row)
    return softmax(config, {"i": {"score": score, "last": last}})["o"]["p"].ravel().tolist()


def gelu_row(graph, row):
    x, last = beats(row)
    return activation(graph.gelu_config, {"i": {"x": x, "last": last}})["o"]["y"].ravel().tolist()


def dot(weights, row):
    return sum(int(w) * v for w, v in zip(weights, row, strict=True))


def linear(layer, row):
    return [
        sat(rq(dot(layer.weights[c], row) + int(layer.bias[c]), layer.multiplier[c], layer.shift[c]), layer.out_bits)
        for c in range(layer.outputs)
    ]


def attention(graph, part, rows):
    size, form = graph.geometry, graph.formats
    qkv = [linear(part.qkv, row) for row in rows]
    results = [[] for _ in rows]
    for head in range(size.heads):
        at = head * size.head_dim
        q, k, v = ([row[start + at : start + at + size.head_dim] for row in qkv] for start in size.dim * np.arange(3))
        for token, query in enumerate(q):
            scores = [rq(dot(query, key), part.score.multiplier, part.score.shift) for key in k]
            p = softmax_row(graph.softmax_config, [sat(score, form.score_bits) for score in scores])
            sums = [sum(p[t] * v[t][c] for t in range(len(rows))) for c in range(size.head_dim)]
            results[token] += [sat(rq(total, part.out.multiplier, part.out.shift), 8) for total in sums]
    return [linear(part.proj, row) for row in results]


def mlp(graph, part, row):
    return linear(part.fc2, gelu_row(graph, linear(part.fc1, row)))


def experts(graph, part, row, y, task):
    form = graph.formats
    scale = part.scales[task]
    scores = [sat(rq(dot(w, y), scale.multiplier, scale.shift), form.gate_bits) for w in part.gates[task]]
    chosen = sorted(range(len(scores)), key=lambda e: (-scores[e], e))[: graph.geometry.top_k]
    if graph.over == "all":
        p = dict(enumerate(softmax_row(graph.gate_config, scores)))
    else:
        p = dict(zip(chosen, softmax_row(graph.gate_config, [scores[e] for e in chosen]), strict=True))
    for expert in sorted(chosen):
        changes = [rq(p[expert] * value, 1, form.weight_bits) for value in mlp(graph, part.experts[expert], y)]
        row = [sat(a + b, 16) for a, b in zip(row, changes, strict=True)]
    return row, chosen, [p[e] for e in chosen]


def added(rows, changes):
    return [[sat(a + b, 16) for a, b in zip(*pair, strict=True)] for pair in zip(rows, changes, strict=True)]


def run(graph, image, task):
    """Give logits, and for each block with experts the chosen ones and weights of each token."""
    size, routes = graph.geometry, []
    patches = []
    for row in range(size.rows):
        for column in range(size.columns):
            part = image[:, row * size.patch :, column * size.patch :][:, : size.patch, : size.patch]
            patches.append(linear(graph.patch, part.ravel().tolist()))
    rows = added(graph.pos.tolist(), [[0] * size.dim, *patches])
    for block in graph.blocks:
        rows = added(rows, attention(graph, block.attention, [norm_row(graph, block.norm1, row) for row in rows]))
        ys = [norm_row(graph, block.norm2, row) for row in rows]
        if isinstance(block.mlp, Mlp):
            rows = added(rows, [mlp(graph, block.mlp, y) for y in ys])
        else:
            found = [experts(graph, block.mlp, row, y, task) for row, y in zip(rows, ys, strict=True)]
            rows = [row for row, _, _ in found]
            routes.append(([chosen for _, chosen, _ in found], [weights for _, _, weights in found]))
    head, y = graph.heads[task], norm_row(graph, graph.norm, rows[0])
    return linear(head.linear, y), routes
