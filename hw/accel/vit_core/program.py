# SPDX-License-Identifier: BSD-2-Clause
"""The schedule: which matrices meet which rows in which order, for component, cycle model and golden model."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class Kind(IntEnum):
    """Kinds of jobs: a row through a matrix, with a source and a destination of its own."""

    EMBED = 0
    QKV = 1
    PROJECT = 2
    FC1 = 3
    FC2 = 4
    EXPERT1 = 5
    EXPERT2 = 6
    HEAD = 7


class Source(IntEnum):
    """Memories of rows that jobs read."""

    PATCHES = 0
    NORMED = 1
    ATTENDED = 2
    HIDDEN = 3


SOURCES: Mapping[Kind, Source] = {
    Kind.EMBED: Source.PATCHES, Kind.QKV: Source.NORMED, Kind.PROJECT: Source.ATTENDED, Kind.FC1: Source.NORMED,
    Kind.FC2: Source.HIDDEN, Kind.EXPERT1: Source.NORMED, Kind.EXPERT2: Source.HIDDEN, Kind.HEAD: Source.NORMED,
}  # fmt: skip
HIDES = (Kind.FC1, Kind.EXPERT1)  # whose results pass the activation
SECOND = (Kind.FC2, Kind.EXPERT2)  # that read what those gave
ADDS = (Kind.EMBED, Kind.PROJECT, Kind.FC2, Kind.EXPERT2)  # whose results are added to residual rows


@dataclass(frozen=True)
class Matrix:
    """One matrix of the model.

    Attributes
    ----------
    kind : Kind
        Jobs that use it.
    layer, expert : int
        Where it belongs; a head's ``expert`` is its task.
    """

    kind: Kind
    layer: int = 0
    expert: int = 0


def mixture(layer: int) -> bool:
    """Tell whether a layer's MLP is a mixture of experts: every second one, the first is dense."""
    return layer % 2 == 1


def matrices(layers: int, experts: int, tasks: int) -> tuple[Matrix, ...]:
    """List all matrices; a matrix's place is its number in requests for weights."""
    found = [Matrix(Kind.EMBED)]
    for layer in range(layers):
        found += [Matrix(Kind.QKV, layer), Matrix(Kind.PROJECT, layer)]
        if mixture(layer):
            found += [Matrix(kind, layer, expert) for expert in range(experts) for kind in (Kind.EXPERT1, Kind.EXPERT2)]
        else:
            found += [Matrix(Kind.FC1, layer), Matrix(Kind.FC2, layer)]
    return tuple(found + [Matrix(Kind.HEAD, layers, task) for task in range(tasks)])


def bases(layers: int, experts: int) -> tuple[int, ...]:
    """Give the number of the first matrix of each layer, and of the first head."""
    found = [1]
    for layer in range(layers):
        found.append(found[-1] + 2 + (2 * experts if mixture(layer) else 2))
    return tuple(found)


def passes(config: Any, used: Sequence[Mapping[int, Sequence[int]]], task: int) -> Iterator[tuple[Matrix, list[int]]]:
    """Give each matrix in the order of its use, with the tokens of its jobs.

    Parameters
    ----------
    config : VitCoreConfig
        Geometry.
    used : sequence of mapping
        For each mixture the tokens of its experts that have any, experts ascending.
    task : int
        Whose head comes last.
    """
    everyone = list(range(config.tokens))
    yield Matrix(Kind.EMBED), everyone
    for layer in range(config.layers):
        yield Matrix(Kind.QKV, layer), everyone
        yield Matrix(Kind.PROJECT, layer), everyone
        if mixture(layer):
            for expert, tokens in used[layer // 2].items():
                yield Matrix(Kind.EXPERT1, layer, expert), list(tokens)
                yield Matrix(Kind.EXPERT2, layer, expert), list(tokens)
        else:
            yield Matrix(Kind.FC1, layer), everyone
            yield Matrix(Kind.FC2, layer), everyone
    yield Matrix(Kind.HEAD, config.layers, task), [0]
