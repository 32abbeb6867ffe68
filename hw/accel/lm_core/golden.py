# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the core: the model in integer matrices, one token after the other."""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from gatewright.hw.accel.lm_core.config import LmCoreConfig
from gatewright.hw.accel.lm_core.constants import EMBED_DIGITS, ROW_DIGITS, unpack_trits
from gatewright.hw.accel.lm_core.program import Kind, Part, kind_of, matrices
from gatewright.hw.accel.lm_core.shape import ACT_BITS, SHIFT_MIN, WIDE_BITS
from gatewright.hw.accel.lm_core.talk import COUNT_BYTES, HEADER, LOGIT_BYTES, LOGITS, START
from gatewright.hw.accel.vit_core.constants import unpack_rows
from gatewright.hw.attention.kv_attention.golden import probabilities
from gatewright.hw.attention.rope.golden import rotate
from gatewright.hw.core.numerics import Ints, saturate
from gatewright.hw.core.ports import Beats, packets
from gatewright.hw.nonlinear.activation.golden import activation
from gatewright.hw.nonlinear.gated.golden import golden as gate
from gatewright.hw.nonlinear.mlgru.golden import gates, mixed
from gatewright.hw.nonlinear.norm.golden import golden as norm


@dataclass(frozen=True)
class Constants:
    """A config's constants as arrays."""

    weights: tuple[Ints, ...]
    embed: Ints
    gains: Ints
    mixer_gains: Ints
    ffn_gains: Ints
    state_gains: Ints
    bounds: Ints


@cache
def constants(config: LmCoreConfig) -> Constants:
    """Read them."""

    def rows(name: str) -> Ints:
        found = getattr(config, name)
        return unpack_rows(found, ROW_DIGITS) if found else np.zeros((0, 0), np.int64)

    return Constants(
        weights=tuple(unpack_trits(config, number) for number in range(len(config.weights))),
        embed=unpack_rows(config.embed, EMBED_DIGITS),
        **{name: rows(name) for name in ("gains", "mixer_gains", "ffn_gains", "state_gains", "bounds")},
    )


@dataclass
class Model:
    """A model and what it remembers."""

    config: LmCoreConfig
    position: int = 0
    fresh: bool = True
    latest: int = 0
    keys: dict[tuple[int, int], Ints] = field(default_factory=dict)
    values: dict[tuple[int, int], Ints] = field(default_factory=dict)
    hidden: dict[int, Ints] = field(default_factory=dict)
    logits: Ints | None = None

    def __post_init__(self) -> None:
        """No token has been run."""
        self.constants = constants(self.config)

    def begin(self) -> None:
        """Forget all tokens."""
        self.position, self.fresh = 0, True

    def token(self, token: int, head: bool) -> None:
        """Run a token; find the next one if ``head``."""
        config, known = self.config, self.constants
        x = known.embed[token if token < config.vocab else 0] << config.embed_shift
        for layer in range(config.layers):
            row = self._row(config.norm, x, known.gains[2 * layer])
            mixed = self._attend(layer, row) if config.family == "transformer" else self._recur(layer, row)
            row = self._row(config.mixer_norm, mixed, known.mixer_gains[layer])
            x = saturate(x + self._linear(Kind.OUT, layer, row)[Part.OUT], WIDE_BITS, True)
            row = self._row(config.norm, x, known.gains[2 * layer + 1])
            lower, upper = _halves(self._linear(Kind.GATE, layer, row)[Part.GATE], config.half)
            lower, upper = saturate(lower, config.gate_bits, True), saturate(upper, config.up_bits, True)
            z = self._gated(config.gated, lower, upper)
            row = self._row(config.ffn_norm, z, known.ffn_gains[layer])
            x = saturate(x + self._linear(Kind.DOWN, layer, row)[Part.DOWN], WIDE_BITS, True)
        self.position, self.fresh = self.position + 1, False
        if head:
            last, _ = self._row(config.last_norm, x, known.gains[-1])
            self.logits = self._joined(known.weights[-1] @ last)
            self.latest = int(self.logits.argmax())

    def _joined(self, sums: Ints) -> Ints:
        """Join the digits of logits, which lie beat by beat, the highest first."""
        digits = self.config.head_digits
        if digits == 1:
            return sums
        powers = 3 ** np.arange(digits)[::-1]
        beats = sums.reshape(-1, digits, self.config.outputs_per_cycle)
        found: Ints = (beats * powers[:, np.newaxis]).sum(axis=1).ravel()[: self.config.vocab]
        return found

    def _row(self, config: Any, x: Ints, gains: Ints) -> tuple[Ints, int]:
        """Normalise a row; give its scale, too, or 1."""
        lanes = config.lanes
        beats = x.reshape(-1, lanes)
        last = (np.arange(len(beats)) == len(beats) - 1).astype(np.int64)
        found = norm(config, {"i": {"x": beats, "last": last}, "i_weight": {"weight": gains.reshape(-1, lanes)}})["o"]
        return found["q"].ravel(), int(found["scale"][-1]) if "scale" in found else 1

    def _linear(self, kind: Kind, layer: int, row: tuple[Ints, int]) -> dict[Part, Ints]:
        """Multiply and scale; a part's results are its beats in a row."""
        config = self.config
        sums = (self.constants.weights[list(matrices(config)).index((kind, layer))] @ row[0]).tolist()
        parts: dict[Part, Ints] = {}
        at, size = 0, config.outputs_per_cycle
        for place, section in enumerate(config.sections):
            if kind_of(section.part) != kind:
                continue
            scales = config.scales[layer * len(config.sections) + place]
            found = []
            for index in range(section.beats * size):
                multiplier, code = scales[:2] if index % size < config.half else scales[2:]
                shift = SHIFT_MIN + code
                found.append((sums[at + index] * row[1] * multiplier + (1 << shift >> 1)) >> shift)
            most = (1 << (WIDE_BITS - 1)) - 1
            parts[section.part] = np.array([min(max(value, -most - 1), most) for value in found], np.int64)
            at += section.beats * size
        return parts

    def _gated(self, config: Any, g: Ints, u: Ints) -> Ints:
        beats = {"g": g.reshape(-1, config.lanes), "u": u.reshape(-1, config.lanes)}
        last = np.zeros(len(beats["g"]), np.int64)
        return gate(config, {"i": {**beats, "last": last}})["o"]["h"].ravel()

    def _attend(self, layer: int, row: tuple[Ints, int]) -> Ints:
        """Attend to all tokens so far, this one included."""
        config, here = self.config, self.position
        parts = self._linear(Kind.MIX, layer, row)
        place = np.array(here)
        queries = rotate(config.rope, parts[Part.QUERY].reshape(-1, config.head_dim), place)
        self.keys[layer, here] = rotate(config.rope, parts[Part.KEY].reshape(-1, config.head_dim), place)
        self.values[layer, here] = saturate(parts[Part.VALUE], ACT_BITS, True).reshape(-1, config.head_dim)
        multiplier, code, out_multiplier, out_code = config.attention_scales[layer]
        rows = []
        for head, query in enumerate(queries):
            shared = head * config.kv_heads // config.heads
            keys = np.array([self.keys[layer, at][shared] for at in range(here + 1)])
            values = np.array([self.values[layer, at][shared] for at in range(here + 1)])
            scores = _scaled(keys @ query, multiplier, code, config.score_bits)
            weights = probabilities(config.attention, scores[np.newaxis])[0]
            rows.append(_scaled(weights @ values, out_multiplier, out_code, WIDE_BITS))
        return np.concatenate(rows)

    def _recur(self, layer: int, row: tuple[Ints, int]) -> Ints:
        """Step the state, normalise it, gate it."""
        config, known = self.config, self.constants
        parts = self._linear(Kind.MIX, layer, row)
        f, c = (saturate(part, config.gate_bits, True) for part in _halves(parts[Part.STATE], config.half))
        forget = gates(config.mlgru, f, known.bounds[layer])
        candidate = activation(config.mlgru.candidate, c) << config.state_shift
        before = np.zeros_like(candidate) if self.fresh else self.hidden[layer]
        self.hidden[layer] = mixed(config.mlgru, forget, before, candidate)
        state, _ = self._row(config.state_norm, self.hidden[layer], known.state_gains[layer])
        return self._gated(config.state_gated, saturate(parts[Part.READ], config.gate_bits, True), state)


def _halves(row: Ints, half: int) -> tuple[Ints, Ints]:
    """Take beats apart: the lower halves, the upper halves."""
    beats = row.reshape(-1, 2, half)
    return beats[:, 0].ravel(), beats[:, 1].ravel()


def _scaled(acc: Ints, multiplier: int, code: int, bits: int) -> Ints:
    shift = SHIFT_MIN + code
    return saturate((acc * multiplier + (1 << (shift - 1))) >> shift, bits, True)


@dataclass(frozen=True)
class Run:
    """What a request came to.

    Attributes
    ----------
    tokens : list of int
        Found.
    positions, heads : list
        Of every token that went through: how many were before it, and whether the next one was found.
    logits : (vocab,) int64 or None
        The latest, if they were asked for.
    """

    tokens: list[int]
    positions: list[int]
    heads: list[bool]
    logits: Ints | None


def runs(config: LmCoreConfig, beats: Beats) -> list[Run]:
    """Run every good request, one after the other from a reset on."""
    model, found = Model(config), []
    for span in packets(beats):
        if beats["good"][span.stop - 1]:
            found.append(serve(model, (beats["data"][span] & 0xFF).tolist()))
    return found


def serve(model: Model, octets: list[int]) -> Run:
    """Run a request."""
    config = model.config
    flags, count, wanted = octets[:HEADER]
    prompt = octets[HEADER : HEADER + min(count, config.request_tokens)]
    if flags & START:
        model.begin()
    tokens: list[int] = []
    positions: list[int] = []
    heads: list[bool] = []
    index = 0
    while index < len(prompt) or len(tokens) < wanted:
        if config.family == "transformer" and model.position == config.context:
            break
        token = prompt[index] if index < len(prompt) else model.latest
        head = wanted > 0 and index + 1 >= len(prompt)
        positions.append(model.position)
        heads.append(head)
        model.token(token, head)
        index += index < len(prompt)
        if head:
            tokens.append(model.latest)
    return Run(tokens, positions, heads, model.logits if flags & LOGITS else None)


def golden(config: LmCoreConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Reply to every good request."""
    return {"o": replies(config, runs(config, inputs["i"]))}


def replies(config: Any, found: list[Run]) -> Beats:
    """Write replies, of a core with a cycle model: tokens, logits, cycles."""
    sent = []
    for run in found:
        logits = b"" if run.logits is None else run.logits.astype(f"<i{LOGIT_BYTES}").tobytes()
        cycles = config.timing.run(run.positions, run.heads)
        sent.append(bytes(run.tokens) + logits + cycles.to_bytes(COUNT_BYTES, "little"))
    ends = [np.arange(len(reply)) == len(reply) - 1 for reply in sent]
    data = np.frombuffer(b"".join(sent), np.int8).astype(np.int64)
    return {"data": data, "last": np.concatenate([np.zeros(0), *ends]).astype(np.int64)}
