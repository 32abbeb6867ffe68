# SPDX-License-Identifier: BSD-2-Clause
"""Bytes that move for a token: weights, gains, keys and values, embedding, rows between units."""

from dataclasses import dataclass
from typing import Any

from gatewright.gen.estimate.resources import word_bits, words_of
from gatewright.hw.accel.lm_core.program import Kind, matrices, shape_of

STEP_OF = {"mix": Kind.MIX, "out": Kind.OUT, "gate": Kind.GATE, "down": Kind.DOWN, "head": Kind.HEAD}


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Bytes of a token at a position.

    Attributes
    ----------
    trits : int
        Weights in matrices, the head included: one of octets counts as its digits to base 3.
    weights : float
        Bytes of the words that hold them, padding included.
    packed : float
        The same without padding.
    """

    trits: int
    weights: float
    packed: float
    weights_of: dict[str, float]
    gains: float
    keys_values_read: float
    keys_values_written: float
    embedding: float
    activations: float

    @property
    def outside(self) -> float:
        """Bytes that pass the memory outside, if all but the rows between units lies there."""
        return self.weights + self.gains + self.keys_values_read + self.keys_values_written + self.embedding


def bits_per_trit(core: Any) -> float:
    """Give the bits of a packed weight."""
    packing = core.matvec.packed
    engine = core.matvec.engine
    return packing.code_bits / packing.group if packing is not None else engine.code_bits / engine.group


def traffic_of(core: Any, position: int, head: bool = True) -> Traffic:
    """Count for a token at a position; without ``head`` no token is found after it."""
    words, octets = words_of(core), word_bits(core) / 8
    weights = {step: words[kind] * octets for step, kind in STEP_OF.items() if head or kind is not Kind.HEAD}
    shapes = [shape_of(core, kind) for kind, _ in matrices(core) if head or kind is not Kind.HEAD]
    trits = sum(outputs * inputs for outputs, inputs in shapes)
    transformer = core.family == "transformer"
    read = written = 0
    gains = (2 * core.layers + head) * core.features + core.layers * (core.mixed + core.hidden)
    if transformer:
        # Each walk reads a head's keys, then its values; heads that walk together share them.
        read = core.layers * core.attention.passes * 2 * (position + 1) * core.head_dim
        written = core.layers * 2 * core.cached
    else:
        gains += 2 * core.layers * core.features  # of the states' norms, and least forget gates
    # A row goes into the engine as octets, and comes out in 16 bits; the residual row is read twice, added to twice.
    rows = sum(inputs + 2 * outputs for outputs, inputs in shapes) + core.layers * 4 * 2 * core.features
    per_gain = 2 if core.gain_bits > 8 else 1
    return Traffic(
        trits=trits, weights=sum(weights.values()), packed=trits * bits_per_trit(core) / 8, weights_of=weights,
        gains=float(gains * per_gain), keys_values_read=float(read), keys_values_written=float(written),
        embedding=float(core.features), activations=float(rows),
    )  # fmt: skip
