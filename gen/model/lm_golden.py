# SPDX-License-Identifier: BSD-2-Clause
"""The golden language model: the integer graph in numpy, token by token and over many positions at once.

`step` and `prefill` are written separately, as decode and prefill are in hardware: tests hold them to each other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gatewright.gen.model.lm_graph import (
    ACTIVATION_BITS,
    FORGET_BITS,
    RESIDUAL_BITS,
    TABLE_FRACTION,
    WIDE_BITS,
    Attention,
    GatedMlp,
    LmBlock,
    LmGraph,
    Mlgru,
    TernaryLinear,
)
from gatewright.gen.model.lm_rows import causal_softmax_rows, norm_rows_dynamic, rescaled
from gatewright.gen.model.vit_rows import norm_rows, product, softmax_rows
from gatewright.hw.core.errors import ModelError
from gatewright.hw.core.numerics import Ints, saturate, shift_right
from gatewright.hw.nonlinear.activation.golden import activation
from gatewright.hw.nonlinear.gated.config import GatedConfig
from gatewright.hw.nonlinear.norm.config import NormConfig

Stages = dict[str, Ints]
Record = Callable[[str, Ints], None]
ONE = 1 << FORGET_BITS


@dataclass(eq=False)
class LmState:
    """What a model remembers.

    Attributes
    ----------
    position : int
        Tokens taken so far.
    keys, values : (layers, context, cached) int64
        8 bits; rows from ``position`` on are 0. Empty in family mlgru.
    hidden : (layers, dim) int64
        16 bits. Empty in family transformer.
    """

    position: int
    keys: Ints
    values: Ints
    hidden: Ints

    def copy(self) -> "LmState":
        """Give a state that does not change with this one."""
        return replace(self, keys=self.keys.copy(), values=self.values.copy(), hidden=self.hidden.copy())

    def differs(self, other: "LmState") -> str | None:
        """Name the first part in which another state differs."""
        for name in ("position", "keys", "values", "hidden"):
            if not np.array_equal(getattr(self, name), getattr(other, name)):
                return name
        return None


@dataclass(frozen=True)
class Rows:
    """Normalised rows, and their scales if those are dynamic."""

    q: Ints
    scale: Ints | None = None


def fresh_state(graph: LmGraph) -> LmState:
    """Give the state before the first token."""
    size = graph.geometry
    if size.family == "mlgru":
        none = np.zeros((0, 0, 0), np.int64)
        return LmState(0, none, none.copy(), np.zeros((size.layers, size.dim), np.int64))
    cache = np.zeros((size.layers, size.context, size.cached), np.int64)
    return LmState(0, cache, cache.copy(), np.zeros((0, 0), np.int64))


def step(graph: LmGraph, state: LmState, token: int, stages: Stages | None = None) -> Ints:
    """Take a token.

    Parameters
    ----------
    graph : LmGraph
    state : LmState
        Moves on by one position.
    token : int
    stages : dict, optional
        Receives intermediate results by name, in order: ``embed``; for block N ``N.norm1``; in a transformer ``N.q``,
        ``N.k`` (both rotated), ``N.v``, ``N.score``, ``N.probability``, ``N.attention``, else ``N.forget``,
        ``N.candidate``, ``N.hidden``, ``N.state_norm``, ``N.gated``; ``N.mixer_norm``, ``N.x1``, ``N.norm2``,
        ``N.gate``, ``N.up``, ``N.ffn``, ``N.ffn_norm``, ``N.x2``; ``norm``; ``logits``.

    Returns
    -------
    (vocab,) int64

    Raises
    ------
    ModelError
        The token is none, or the cache is full.
    """
    _check(graph, state, np.array([token]))
    record = _recorder(stages)
    x = graph.embed[token].astype(np.int64) << graph.formats.embed_shift
    record("embed", x)
    for layer, block in enumerate(graph.blocks):
        inner = _prefixed(record, layer)
        y = _norm(graph.norm_config, x, block.norm1)
        inner("norm1", y.q)
        if isinstance(block.mixer, Attention):
            change = _attend_one(graph, block.mixer, state, layer, y, inner)
        else:
            change = _recur_one(graph, block.mixer, state, layer, y, inner)
        x = _rest(graph, block, x, change, inner)
    state.position += 1
    return _logits(graph, x, record)


def prefill(
    graph: LmGraph, tokens: Sequence[int] | Ints, state: LmState | None = None, stages: Stages | None = None
) -> tuple[LmState, Ints]:
    """Take many tokens at once.

    Parameters
    ----------
    graph : LmGraph
    tokens : (tokens,) array of int
        At least one.
    state : LmState, optional
        What to go on from; it stays as it is.
    stages : dict, optional
        As for `step`, positions first. Elements of scores and probabilities behind a position are 0.

    Returns
    -------
    state : LmState
        After the last token.
    logits : (tokens, vocab) int64
    """
    tokens = np.asarray(tokens)
    state = fresh_state(graph) if state is None else state.copy()
    _check(graph, state, tokens)
    record = _recorder(stages)
    x = graph.embed[tokens].astype(np.int64) << graph.formats.embed_shift
    record("embed", x)
    for layer, block in enumerate(graph.blocks):
        inner = _prefixed(record, layer)
        y = _norm(graph.norm_config, x, block.norm1)
        inner("norm1", y.q)
        if isinstance(block.mixer, Attention):
            change = _attend_all(graph, block.mixer, state, layer, y, inner)
        else:
            change = _recur_all(graph, block.mixer, state, layer, y, inner)
        x = _rest(graph, block, x, change, inner)
    state.position += len(tokens)
    return state, _logits(graph, x, record)


def _check(graph: LmGraph, state: LmState, tokens: Ints) -> None:
    size = graph.geometry
    if tokens.ndim != 1 or not len(tokens) or tokens.dtype.kind not in "iu":
        raise ModelError(f"{graph.name}: tokens must be a list of integers, at least one")
    wrong = (tokens < 0) | (tokens >= size.vocab)
    if wrong.any():
        raise ModelError(f"{graph.name}: tokens must lie in 0..{size.vocab - 1}, not {tokens[wrong][0]}")
    if size.family == "transformer" and state.position + len(tokens) > size.context:
        raise ModelError(
            f"{graph.name}: context must hold at most {size.context} tokens, not {state.position + len(tokens)}; "
            "start anew with the last of them"
        )


def _recorder(stages: Stages | None) -> Record:
    def record(name: str, value: Ints) -> None:
        if stages is not None:
            stages[name] = value.copy()

    return record


def _prefixed(record: Record, layer: int) -> Record:
    return lambda name, value: record(f"{layer}.{name}", value)


# --- what works on one position and on many alike: the last axis holds features ---


def linear(layer: TernaryLinear, y: Rows) -> Ints:
    """Run a layer on rows."""
    return rescaled(layer.scale, product(y.q, layer.weights.T), layer.out_bits, y.scale)


def _norm(config: NormConfig, x: Ints, gain: Ints) -> Rows:
    if config.output == "static":
        return Rows(norm_rows(config, x, gain, None))
    return Rows(*norm_rows_dynamic(config, x, gain))


def _added(x: Ints, change: Ints) -> Ints:
    return saturate(x + change, RESIDUAL_BITS, True)


def gated(config: GatedConfig, g: Ints, u: Ints) -> Ints:
    """Give what the room ``gated`` gives."""
    return saturate(shift_right(activation(config.activation, g) * u, config.shift, config.rounding), WIDE_BITS, True)


def _rest(graph: LmGraph, block: LmBlock, x: Ints, mixed: Ints, record: Record) -> Ints:
    """Finish a block, from what its mixer has given on."""
    y = _norm(graph.mixer_norm_config, mixed, block.mixer.sub_norm)
    record("mixer_norm", y.q)
    x = _added(x, linear(block.mixer.o, y))
    record("x1", x)
    y = _norm(graph.norm_config, x, block.norm2)
    record("norm2", y.q)
    x = _added(x, _mlp(graph, block.mlp, y, record))
    record("x2", x)
    return x


def _mlp(graph: LmGraph, mlp: GatedMlp, y: Rows, record: Record) -> Ints:
    g, u = linear(mlp.gate, y), linear(mlp.up, y)
    z = gated(graph.gated_config, g, u)
    inner = _norm(graph.ffn_norm_config, z, mlp.sub_norm)
    for name, value in (("gate", g), ("up", u), ("ffn", z), ("ffn_norm", inner.q)):
        record(name, value)
    return linear(mlp.down, inner)


def _logits(graph: LmGraph, x: Ints, record: Record) -> Ints:
    y = norm_rows(graph.last_norm_config, x, graph.norm, None)
    record("norm", y)
    logits = product(y, graph.head.T)
    record("logits", logits)
    return logits


# --- attention ---


def rotated(graph: LmGraph, x: Ints, cos: Ints, sin: Ints) -> Ints:
    """Turn heads ``(..., heads, head_dim)`` by angles that broadcast against ``(..., heads, head_dim / 2)``."""
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    right = TABLE_FRACTION + graph.formats.rope_shift
    turned = np.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)
    return saturate((turned + (1 << (right - 1))) >> right, ACTIVATION_BITS, True)


def _attend_one(graph: LmGraph, mixer: Attention, state: LmState, layer: int, y: Rows, record: Record) -> Ints:
    """Attend from the state's position, head by head; give ``(mixed,)`` before the norm."""
    size, form, at = graph.geometry, graph.formats, state.position
    cos, sin = (table[at] for table in graph.rope)
    q = rotated(graph, linear(mixer.q, y).reshape(size.heads, size.head_dim), cos, sin)
    k = rotated(graph, linear(mixer.k, y).reshape(size.kv_heads, size.head_dim), cos, sin)
    state.keys[layer, at] = k.ravel()
    state.values[layer, at] = linear(mixer.v, y)
    for name, value in (("q", q.ravel()), ("k", k.ravel()), ("v", state.values[layer, at])):
        record(name, value)
    scores, weights, outs = [], [], []
    for head in range(size.heads):
        first = head * size.kv_heads // size.heads * size.head_dim
        part = slice(first, first + size.head_dim)
        scores.append(rescaled(mixer.score, product(q[head], state.keys[layer, : at + 1, part].T), form.score_bits))
        weights.append(softmax_rows(graph.softmax_config, scores[-1]))
        outs.append(rescaled(mixer.out, product(weights[-1], state.values[layer, : at + 1, part]), WIDE_BITS))
    for name, parts in (("score", scores), ("probability", weights), ("attention", outs)):
        record(name, np.array(parts) if name != "attention" else np.concatenate(parts))
    return np.concatenate(outs)


def _attend_all(graph: LmGraph, mixer: Attention, state: LmState, layer: int, y: Rows, record: Record) -> Ints:
    """Attend from many positions, all heads at once; give ``(positions, mixed)`` before the norm."""
    size, form, count = graph.geometry, graph.formats, len(y.q)
    start, end = state.position, state.position + count
    cos, sin = (table[start:end, np.newaxis] for table in graph.rope)
    q = rotated(graph, linear(mixer.q, y).reshape(count, size.heads, size.head_dim), cos, sin)
    k = rotated(graph, linear(mixer.k, y).reshape(count, size.kv_heads, size.head_dim), cos, sin)
    state.keys[layer, start:end] = k.reshape(count, -1)
    state.values[layer, start:end] = linear(mixer.v, y)
    record("q", q.reshape(count, -1))
    record("k", state.keys[layer, start:end])
    record("v", state.values[layer, start:end])
    share = size.heads // size.kv_heads
    keys, values = (  # (heads, end, head_dim)
        cache[layer, :end].reshape(end, size.kv_heads, -1).swapaxes(0, 1).repeat(share, axis=0)
        for cache in (state.keys, state.values)
    )
    limit = np.arange(start, end) + 1
    score = rescaled(mixer.score, product(q.swapaxes(0, 1), keys.swapaxes(-1, -2)), form.score_bits)
    weight = causal_softmax_rows(graph.softmax_config, score, limit[np.newaxis])
    out = rescaled(mixer.out, product(weight, values), WIDE_BITS).swapaxes(0, 1).reshape(count, -1)
    seen = np.arange(end) < limit[:, np.newaxis]
    record("score", np.where(seen, score, 0).swapaxes(0, 1))
    record("probability", weight.swapaxes(0, 1))
    record("attention", out)
    return out


# --- the linear recurrence ---


def _gates(graph: LmGraph, mixer: Mlgru, y: Rows) -> tuple[Ints, Ints]:
    """Give forget gates, in 0..4096, and candidates in steps of the state."""
    f = activation(graph.forget_config, linear(mixer.f, y))
    f = mixer.bound + ((ONE - mixer.bound) * f + ONE // 2 >> FORGET_BITS)
    return f, activation(graph.candidate_config, linear(mixer.i, y)) << graph.formats.state_shift


def _mixed(f: Ints, before: Ints, candidate: Ints) -> Ints:
    return saturate((f * before + (ONE - f) * candidate + ONE // 2) >> FORGET_BITS, WIDE_BITS, True)


def _read(graph: LmGraph, mixer: Mlgru, hidden: Ints, y: Rows, record: Record) -> Ints:
    """Normalise the state and gate it."""
    u = norm_rows(graph.state_norm_config, hidden, mixer.state_norm, None)
    z = gated(graph.state_gate_config, linear(mixer.g, y), u)
    record("state_norm", u)
    record("gated", z)
    return z


def _recur_one(graph: LmGraph, mixer: Mlgru, state: LmState, layer: int, y: Rows, record: Record) -> Ints:
    """Take one step of the recurrence; give ``(dim,)`` before the norm."""
    f, candidate = _gates(graph, mixer, y)
    state.hidden[layer] = _mixed(f, state.hidden[layer], candidate)
    for name, value in (("forget", f), ("candidate", candidate), ("hidden", state.hidden[layer])):
        record(name, value)
    return _read(graph, mixer, state.hidden[layer], y, record)


def _recur_all(graph: LmGraph, mixer: Mlgru, state: LmState, layer: int, y: Rows, record: Record) -> Ints:
    """Take many steps: only the state itself goes from one to the next; give ``(positions, dim)`` before the norm."""
    f, candidate = _gates(graph, mixer, y)
    hidden, last = np.empty_like(f), state.hidden[layer]
    for at in range(len(f)):
        hidden[at] = last = _mixed(f[at], last, candidate[at])
    state.hidden[layer] = last
    for name, value in (("forget", f), ("candidate", candidate), ("hidden", hidden)):
        record(name, value)
    return _read(graph, mixer, hidden, y, record)
