# SPDX-License-Identifier: BSD-2-Clause
"""What the memory of `lm_serial` holds: a tape that each token reads from its begin, then tables, then the cache.

The tape has a model's constants in the order of use, so one counter finds them all::

    each layer   gains of the first norm; scale and rows of queries, of keys, of values; scales of attention;
                 gains of the mixer's norm; scale and rows of the output; gains of the second norm;
                 scales of gate and up, and their rows in turn; gains of the inner norm; scale and rows of down
    at the end   gains of the last norm; rows of the head

A gain is a word; a scale is two: multiplier, shift code. Ten trits of a row share a word: each octet holds five digits
0..2 in TQ1_0's form, the first one in front, and missing ones of a row are 0.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

from gatewright.hw.core.numerics import Ints

WORD_BITS = 16
WORD_TRITS, OCTET_TRITS = 10, 5
POWERS = 3 ** np.arange(OCTET_TRITS)[::-1]


class Step(IntEnum):
    """What a token goes through: the first ones in each layer, `LAST` and `HEAD` behind all layers."""

    NORM = 0
    QUERY = 1
    KEY = 2
    VALUE = 3
    ROTATE = 4
    ATTEND = 5
    MIXER_NORM = 6
    OUT = 7
    FFN_IN = 8
    GATE = 9
    FFN_NORM = 10
    DOWN = 11
    LAST = 12
    HEAD = 13


NORMS = (Step.NORM, Step.MIXER_NORM, Step.FFN_IN, Step.FFN_NORM, Step.LAST)
MATRICES = (Step.QUERY, Step.KEY, Step.VALUE, Step.OUT, Step.GATE, Step.DOWN, Step.HEAD)


class Segment(NamedTuple):
    """A part of the memory: first word, and words."""

    first: int
    words: int


def length_of(config: Any, step: Step) -> int:
    """Give the elements of a norm's row."""
    return int({Step.MIXER_NORM: config.mixed, Step.FFN_NORM: config.hidden}.get(step, config.features))


def shape_of(config: Any, step: Step) -> tuple[int, int]:
    """Give outputs and inputs of a matrix."""
    wide = config.features
    return {
        Step.QUERY: (config.mixed, wide), Step.KEY: (config.cached, wide), Step.VALUE: (config.cached, wide),
        Step.OUT: (wide, config.mixed), Step.GATE: (2 * config.hidden, wide), Step.DOWN: (wide, config.hidden),
        Step.HEAD: (config.vocab, wide),
    }[step]  # fmt: skip


def row_words(inputs: int) -> int:
    """Count the words of a row of trits."""
    return -(-inputs // WORD_TRITS)


def scale_words(step: Step) -> int:
    """Count the words of scales in front of a step's rows."""
    return {Step.HEAD: 0, Step.GATE: 4, Step.ATTEND: 4}.get(step, 2)


def steps(config: Any) -> Iterator[tuple[int, Step]]:
    """Give layer and step in order."""
    for layer in range(config.layers):
        for step in Step:
            if step < Step.LAST:
                yield layer, step
    yield config.layers, Step.LAST
    yield config.layers, Step.HEAD


def tape_words(config: Any, step: Step) -> int:
    """Count the words of the tape that a step reads."""
    if step in NORMS:
        return length_of(config, step)
    if step in MATRICES:
        outputs, inputs = shape_of(config, step)
        return scale_words(step) + outputs * row_words(inputs)
    return scale_words(step) if step == Step.ATTEND else 0


def segments(config: Any) -> dict[str, Segment]:
    """Lay the memory out; all but the cache is loaded."""
    sizes = {
        "tape": sum(tape_words(config, step) for _, step in steps(config)),
        "embed": config.vocab * config.features // 2,
        "rope": config.context * config.head_dim,
        "cache": config.layers * 2 * config.kv_heads * config.context * config.head_dim // 2,
    }
    found, first = {}, 0
    for name, words in sizes.items():
        found[name] = Segment(first, words)
        first += words
    return found


def pack_rows(trits: Ints) -> Ints:
    """Give the words of rows of trits (outputs, inputs)."""
    outputs, inputs = trits.shape
    digits = np.zeros((outputs, row_words(inputs) * WORD_TRITS), np.int64)
    digits[:, :inputs] = trits + 1
    number = digits.reshape(-1, 2, OCTET_TRITS) @ POWERS
    octets = -(-256 * number // 3**OCTET_TRITS)
    words: Ints = octets[:, 0] | octets[:, 1] << 8
    return words


def pack_octets(values: Ints) -> Ints:
    """Give words of two signed octets each, the first one lower."""
    octets = values.reshape(-1, 2) & 0xFF
    words: Ints = octets[:, 0] | octets[:, 1] << 8
    return words
