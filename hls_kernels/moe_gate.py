# SPDX-License-Identifier: BSD-2-Clause
"""The gate of a mixture of experts as a kernel: a frame is a token."""

import numpy as np

from gatewright.hls_kernels import softmax
from gatewright.hls_kernels.block import Builder
from gatewright.hls_kernels.expr import Expr, Int, Vector, lift, mux, type_of
from gatewright.hls_kernels.kernel import Kernel, Recipe, new_builder, port
from gatewright.hls_kernels.requantise import rescale
from gatewright.hls_kernels.rows import beats_of, ends
from gatewright.hw.core.ports import Beats, PayloadField
from gatewright.hw.moe.moe_gate.config import MoeGateConfig


def make(config: MoeGateConfig) -> Kernel:
    """Write the kernel of a config."""
    gate_field = (PayloadField("gate", config.gate_bits),) if config.gates > 1 else ()
    inputs = (PayloadField("x", 8, True, (config.features,)), *gate_field)
    outputs = (
        PayloadField("expert", config.expert_bits, False, (config.k,)),
        PayloadField("weight", config.weight_bits, False, (config.k,)),
    )
    builder = new_builder((*inputs, *outputs))
    x = port(inputs[0])
    gate: Expr = port(gate_field[0]) if gate_field else lift(0)
    scores = _scores(builder, config, x, gate)
    chosen = _best(builder, config, scores)
    weights = _weights(builder, config, scores, chosen)
    limits = {"gate": (0, config.gates - 1)} if gate_field else {}
    summary = f"Choose {config.k} of {config.experts} experts and weigh them."
    return Kernel(
        config.room, config.room, summary, inputs, outputs, builder.block, {"expert": chosen, "weight": weights}, limits
    )


def _scores(builder: Builder, config: MoeGateConfig, x: Vector, gate: Expr) -> Vector:
    """Give every expert's score: a row of the matrix times the token, requantised."""
    matrix = builder.table("matrix", config.matrix.ravel().tolist(), Int(8, True))
    least = min(config.shifts)
    multiplier = builder.look_up("multiplier", config.multipliers, gate)
    code = builder.look_up("code", [shift - least for shift in config.shifts], gate)
    places = type_of(0, config.matrix.size - 1)

    def score(expert: Expr) -> Expr:
        start = builder.let("start", ((gate * config.experts + expert) * config.features).to(places))

        def add(i: Expr, total: Expr) -> Expr:
            return total + x[i] * matrix[(start + i).to(places)]

        total = builder.fold("logit", config.features, Int(config.requantise.acc_bits, True), 0, add)
        return rescale(builder, config.requantise, total, multiplier, code)

    return builder.map("scores", config.experts, Int(config.score_bits, True), score)


def _best(builder: Builder, config: MoeGateConfig, scores: Vector) -> Vector:
    """Put every expert where its rank says: how many are better, or equal and before it."""
    count, kind = config.experts, Int(config.expert_bits)

    def rank(expert: Expr) -> Expr:
        mine = builder.let("mine", scores[expert])

        def beaten(other: Expr, place: Expr) -> Expr:
            rival = builder.let("rival", scores[other])
            ahead = (rival > mine) | (rival.equals(mine) & (other < expert))
            return place + ahead

        return builder.fold("rank", count, type_of(0, count), 0, beaten)

    ranks = builder.map("ranks", count, type_of(0, count), rank)

    def holder(place: Expr) -> Expr:
        def find(expert: Expr, found: Expr) -> Expr:
            return mux(ranks[expert].equals(place), expert, found)

        return builder.fold("holder", count, kind, 0, find)

    return builder.map("chosen", config.k, kind, holder)


def _weights(builder: Builder, config: MoeGateConfig, scores: Vector, chosen: Vector) -> Vector:
    """Give the softmax over all scores, of which the chosen keep their part, or over the chosen ones' scores."""
    kind = Int(config.weight_bits)
    if config.softmax is None:
        return builder.map("weights", config.k, kind, lambda _: lift(kind.high))
    if config.over == "chosen":
        best = builder.map("best_scores", config.k, scores.type, lambda place: scores[chosen[place]])
        return softmax.row(builder, config.softmax, best, config.k)
    p = softmax.row(builder, config.softmax, scores, config.experts)
    return builder.map("weights", config.k, kind, lambda place: p[chosen[place]])


def streams(config: MoeGateConfig, frames: Beats) -> dict[str, Beats]:
    """Send a frame as a token."""
    x = beats_of(frames["x"], config.lanes)
    beats: Beats = {"x": x, "last": ends(len(x), config.beats)}
    if config.gates > 1:
        beats["gate"] = np.repeat(frames["gate"], config.beats)
    return {"i": beats}


def frames(config: MoeGateConfig, outputs: dict[str, Beats]) -> Beats:
    """Read the experts of a token as a frame."""
    return {name: outputs["o"][name].reshape(-1, config.k) for name in ("expert", "weight")}


RECIPE = Recipe(make, streams, frames)
