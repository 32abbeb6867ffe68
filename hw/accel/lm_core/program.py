# SPDX-License-Identifier: BSD-2-Clause
"""What the core does for a token: matrices in order, and what the results of each are."""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Any, NamedTuple


class Kind(IntEnum):
    """A matrix's place in a layer; the head comes after all layers."""

    MIX = 0  # queries, keys, values; or forget gates with candidates, then output gates
    OUT = 1
    GATE = 2  # gate and up, interleaved
    DOWN = 3
    HEAD = 4


class Part(IntEnum):
    """Where results of the engine go."""

    QUERY = 0
    KEY = 1
    VALUE = 2
    STATE = 3  # lower half of a beat: forget gates; upper half: candidates
    READ = 4  # output gates over the state
    OUT = 5
    GATE = 6  # lower half of a beat: gates; upper half: what they scale
    DOWN = 7


class Section(NamedTuple):
    """Beats of results that go one way, scaled alike."""

    part: Part
    beats: int


PARTS = {
    "transformer": (Part.QUERY, Part.KEY, Part.VALUE, Part.OUT, Part.GATE, Part.DOWN),
    "mlgru": (Part.STATE, Part.READ, Part.OUT, Part.GATE, Part.DOWN),
}
HALVED = (Part.STATE, Part.GATE)  # a beat holds two matrices' results side by side


def kind_of(part: Part) -> Kind:
    """Give the matrix whose results a part is."""
    return {Part.OUT: Kind.OUT, Part.GATE: Kind.GATE, Part.DOWN: Kind.DOWN}.get(part, Kind.MIX)


def shape_of(config: Any, kind: Kind) -> tuple[int, int]:
    """Give outputs and inputs of a matrix."""
    wide, mixed = config.features, config.mixed
    first = mixed + 2 * config.cached if config.family == "transformer" else 3 * wide
    return {
        Kind.MIX: (first, wide), Kind.OUT: (wide, mixed), Kind.GATE: (2 * config.hidden, wide),
        Kind.DOWN: (wide, config.hidden), Kind.HEAD: (config.head_rows, wide),
    }[kind]  # fmt: skip


def sections(config: Any) -> tuple[Section, ...]:
    """Give the parts of a layer with their beats."""
    wide, beat = config.features, config.outputs_per_cycle
    elements = {
        Part.QUERY: config.mixed, Part.KEY: config.cached, Part.VALUE: config.cached, Part.STATE: 2 * wide,
        Part.READ: wide, Part.OUT: wide, Part.GATE: 2 * config.hidden, Part.DOWN: wide,
    }  # fmt: skip
    return tuple(Section(part, elements[part] // beat) for part in PARTS[config.family])


def matrices(config: Any) -> Iterator[tuple[Kind, int]]:
    """Give kinds and layers in the order of use."""
    for layer in range(config.layers):
        for kind in (Kind.MIX, Kind.OUT, Kind.GATE, Kind.DOWN):
            yield kind, layer
    yield Kind.HEAD, config.layers


def interleaved(lower: Sequence[Any], upper: Sequence[Any], half: int) -> list[Any]:
    """Lay rows of two matrices out for beats that hold ``half`` of each."""
    rows: list[Any] = []
    for start in range(0, len(lower), half):
        rows += [*lower[start : start + half], *upper[start : start + half]]
    return rows
